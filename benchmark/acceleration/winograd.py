"""Convolutions 3×3 of many channels on a CPU, by Winograd's minimal filtering: fewer products for the same results.

Two neighbouring results y of a kernel g of three weights need six products with the four pixels d under them, or four:
y = Aᵀ [(G g) ⊙ (Bᵀ d)], where Bᵀ, G and Aᵀ are small matrices of constants that make sums, and ⊙ multiplies element by
element. This is F(2, 3) of Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR 2016. F(4, 3) needs
six products for four results instead of twelve. With the latter down the rows and the former along the columns, 24
products do for 4×2 results instead of 72; and over channels each of the 24 becomes a product of matrices, pixels by
channels in and channels in by channels out.

On a map enlarged to four copies of each pixel, three products give the two results of a small pixel, 9 along both axes
instead of 36.

Sums are taken in another order, so results differ by rounding. In bf16 the sums are rounded too: errors are 0.95 % of
the results' standard deviation, those of a plain convolution 0.3 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from benchmark.networks.deterministic import ReflectConv2d, reflect
from benchmark.runtime.processor import products_are_portable

TAPS = 3


class Filtering(NamedTuple):
    """How to compute neighbouring results along an axis from a window of pixels and a kernel of three weights.

    Attributes:
        pixels: Bᵀ, (products, pixels of a window).
        kernel: G, (products, 3).
        results: Aᵀ, (results of a window, products).
        step: pixels from one window to the next.
    """

    pixels: Tensor
    kernel: Tensor
    results: Tensor
    step: int


def filtering(points: Sequence[float], results: int) -> Filtering:
    """The algorithm of Toom and Cook: a polynomial is determined by its values at some points and at infinity.

    Args:
        points: one more than results, all different.
        results: of a window.
    """
    at = np.array(points, dtype=float)
    others = [np.delete(at, place) for place in range(len(at))]
    # Lagrange's interpolation: polynomials that are nothing at the other points, by what they are at their own. The
    # point at infinity has the highest coefficient for its value, and comes last.
    pixels = [np.append(np.poly(rest)[::-1], 0) for rest in others]
    kernel = [point ** np.arange(TAPS) / np.prod(point - rest) for point, rest in zip(at, others, strict=True)]
    infinite = [np.eye(1, size, size - 1)[0] for size in (TAPS, results)]
    powers = [point ** np.arange(results) for point in at]
    made = [*pixels, np.poly(at)[::-1]], [*kernel, infinite[0]], np.transpose([*powers, infinite[1]])
    of_pixels, of_kernel, of_results = (torch.tensor(np.array(matrix), dtype=torch.float64) for matrix in made)
    return Filtering(of_pixels, of_kernel, of_results, step=results)


@dataclass(frozen=True, eq=False)
class Way:
    """How to convolve, and when.

    Attributes:
        rows: how to take results that lie below each other.
        columns: those beside each other.
        channels: it pays from this in · out / (in + out) of the channels on: products saved grow as in · out, sums that
            it takes instead as in + out.
        work: it pays from so much of that on, times the pixels of a sample's results. The number of samples is not
            asked for, so that a sample's digits do not depend on it.
        matrices: Bᵀ, G and Aᵀ of both axes at once: (products, pixels of a window), (products, 9) and (results of a
            window, products).
    """

    rows: Filtering
    columns: Filtering
    channels: int
    work: int

    matrices: tuple[Tensor, Tensor, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        both = zip(self.rows[:3], self.columns[:3], strict=True)
        object.__setattr__(self, "matrices", tuple(torch.kron(rows, columns) for rows, columns in both))

    def size(self, features: Tensor, padding: int) -> tuple[int, int] | None:
        """Rows and columns of the results of maps (N, C, H, W); none where windows do not fill the maps."""
        sizes = []
        for length, along in zip(features.shape[2:], (self.rows, self.columns), strict=True):
            tiles, left = divmod(length + 2 * padding - along.pixels.shape[1] + along.step, along.step)
            if left or tiles < 1:
                return None
            sizes.append(tiles * len(along.results))
        return sizes[0], sizes[1]


# Measured with 29 layers on an AMD EPYC with AVX512-BF16, batch 4, forward and backward: 512 to 512 channels of 16×16
# pixels take 0.58 of a plain convolution's time in bf16, 128 to 128 of 32×32 0.88; below the bounds 0.97 and more.
# Enlarged maps beside the way of `resampling.convolve`: 512 to 512 of 8×8 0.40. See docs/measurements/training.md.
#
# With these points Bᵀ and Aᵀ have few digits, which bf16 holds. Of nine such sets they lose the fewest: with ±1 and ±2,
# or ±1/2, instead of ±3/4 and ±3/2 results are off by 1.3 %.
PLAIN = Way(filtering((0, 0.75, -0.75, 1.5, -1.5), 4), filtering((0, 1, -1), 2), channels=50, work=25_000)
# F(2, 3) where the window of the enlarged map is a b b c, of small pixels a, b and c: one of its sums is b - b, and
# three products are left. So windows have three small pixels, and the next begins one pixel on.
_TWO_ENLARGED = Filtering(
    pixels=torch.tensor([[1, -1, 0], [0, 1, 0], [0, -1, 1]]),
    kernel=torch.tensor([[1, 0, 0], [1, 1, 1], [0, 0, 1]]),
    results=torch.tensor([[1, 1, 0], [0, 1, 1]]),
    step=1,
)
ENLARGED = Way(_TWO_ENLARGED, _TWO_ENLARGED, channels=64, work=0)


def pays(way: Way, features: Tensor, weight: Tensor, *, padding: int = 1) -> bool:
    """Whether this way is possible and faster: on a CPU, with kernels that are not limited to portable ones.

    Args:
        way: how.
        features: (N, in, H, W).
        weight: (out, in, 3, 3); fewer channels in than the maps have, as of a convolution in groups, are refused.
        padding: zeros around the map.
    """
    out_channels, in_channels = weight.shape[:2]
    if features.device.type != "cpu" or products_are_portable() or features.shape[1] != in_channels:
        return False
    if (size := way.size(features, padding)) is None:
        return False
    saved = in_channels * out_channels / (in_channels + out_channels)
    return saved >= way.channels and saved * size[0] * size[1] >= way.work


def _precision(values: Tensor) -> torch.dtype:
    """The precision in which PyTorch's convolution would compute."""
    if values.dtype != torch.float64 and torch.is_autocast_enabled(values.device.type):
        return torch.get_autocast_dtype(values.device.type)
    return values.dtype


def conv3x3(features: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: int) -> Tensor:
    """``F.conv2d`` of stride 1 with a kernel 3×3, the faster way.

    Args:
        features: (N, in, H, W).
        weight: (out, in, 3, 3).
        bias: (out,) or none.
        padding: zeros around the map, 0 or 1.

    Returns:
        (N, out, H, W), or without padding two rows and columns less.
    """
    if not pays(PLAIN, features, weight, padding=padding):
        return F.conv2d(features, weight, bias, padding=padding)
    made = convolved(features, weight, padding, PLAIN)
    return made if bias is None else made + bias.to(made.dtype)[:, None, None]


def convolved(features: Tensor, weight: Tensor, padding: int, way: Way) -> Tensor:
    """A convolution 3×3 this way, without checking whether it pays.

    Args:
        features: (N, in, H, W), in floating point; for `ENLARGED` the map before it is enlarged.
        weight: (out, in, 3, 3).
        padding: zeros around the map.
        way: one whose windows fill the padded map.

    Returns:
        (N, out, H', W').
    """
    return _Convolution.apply(features.to(_precision(features)), weight, padding, way)


class WinogradConv2d(nn.Conv2d):
    """``nn.Conv2d`` 3×3 of stride 1 and padding 1, by `conv3x3`."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H, W)."""
        return super().forward(input) if self.groups > 1 else conv3x3(input, self.weight, self.bias, padding=1)


class WinogradReflectConv2d(ReflectConv2d):
    """`ReflectConv2d` 3×3, by `conv3x3`."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H, W)."""
        return conv3x3(reflect(input, 1), self.weight, self.bias, padding=0)


class _Convolution(torch.autograd.Function):
    """From maps (N, in, H, W) and kernels (out, in, 3, 3) to maps (N, out, H', W'), computed in the maps' precision.

    Inside, rows and columns of a map come before samples and channels, so that windows are contiguous slices.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, padding: int, way: Way) -> Tensor:
        samples, (out_channels, in_channels) = len(features), weight.shape[:2]
        of_pixels, of_kernel, of_results = (matrix.to(features) for matrix in way.matrices)
        pixels = F.pad(_swapped(features), (0, 0, 0, 0, padding, padding, padding, padding))
        windows = torch.stack(_windows(pixels, way))
        tiles = windows.shape[1:3]
        with torch.autocast("cpu", enabled=False):
            kernels = of_kernel @ weight.to(features.dtype).flatten(2).flatten(0, 1).T
            kernels = kernels.view(-1, out_channels, in_channels)
            sums = (of_pixels @ windows.flatten(1)).view(len(of_pixels), -1, in_channels)
            results = of_results @ torch.bmm(sums, kernels.transpose(1, 2)).flatten(1)
        # The gradient of either factor needs the other one.
        wanted = ctx.needs_input_grad[:2]
        ctx.save_for_backward(*(factor if want else None for factor, want in zip((kernels, sums), wanted, strict=True)))
        ctx.padding, ctx.way, ctx.pixels, ctx.kernels = padding, way, pixels.shape, kernels.shape
        placed = results.view(len(way.rows.results), len(way.columns.results), *tiles, samples, out_channels)
        return _swapped(placed.permute(2, 0, 3, 1, 4, 5).flatten(2, 3).flatten(0, 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Each step of the forward pass, transposed, from the last to the first."""
        kernels, sums = ctx.saved_tensors
        of_pixels, of_kernel, of_results = (matrix.to(gradient) for matrix in ctx.way.matrices)
        products, out_channels, in_channels = ctx.kernels
        rows, columns = (len(along.results) for along in (ctx.way.rows, ctx.way.columns))
        placed = _swapped(gradient).unflatten(1, (-1, columns)).unflatten(0, (-1, rows))
        results = placed.permute(1, 3, 0, 2, 4, 5).reshape(rows * columns, -1)
        of_features = of_weight = None
        with torch.autocast("cpu", enabled=False):
            of_products = (of_results.T @ results).view(products, -1, out_channels)
            if sums is not None:
                of_kernels = torch.bmm(of_products.transpose(1, 2), sums)
                of_weight = (of_kernel.T @ of_kernels.flatten(1)).T.reshape(out_channels, in_channels, TAPS, TAPS)
            if kernels is not None:
                windows = of_pixels.T @ torch.bmm(of_products, kernels).flatten(1)
                pixels = windows.new_zeros(ctx.pixels)
                for into, part in zip(_windows(pixels, ctx.way), windows, strict=True):
                    into += part.view_as(into)
                inner = (slice(ctx.padding, side - ctx.padding) for side in ctx.pixels[:2])
                of_features = _swapped(pixels[*inner])
        return of_features, of_weight, None, None


def _windows(maps: Tensor, way: Way) -> list[Tensor]:
    """Of every window in maps (H, W, N, C) the first pixels, the second ones and so on, (tiles, tiles, N, C) each."""
    places = []
    for length, along in zip(maps.shape, (way.rows, way.columns), strict=False):
        window = along.pixels.shape[1]
        places.append([slice(first, length - window + first + 1, along.step) for first in range(window)])
    return [maps[rows, columns] for rows in places[0] for columns in places[1]]


def _swapped(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (H, W, N, C), or back."""
    # As one transposition of a matrix, which PyTorch copies by blocks that fit into caches; a permutation it does not.
    return maps.flatten(2).flatten(0, 1).T.contiguous().view(*maps.shape[2:], *maps.shape[:2])

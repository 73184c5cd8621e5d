"""Convolutions 3×3 of many channels on a CPU, by Winograd's minimal filtering: fewer products for the same results.

Two neighbouring results of a kernel of three need six products; taken of sums of the pixels and of the kernel, four:
F(2, 3) of Lavin and Gray, Fast algorithms for convolutional neural networks, CVPR 2016. Four results need twelve, or
six: F(4, 3). With the one along rows and the other along columns, 24 products do for 4×2 results instead of 72, and
these are 24 products of matrices, pixels by channels and channels by channels. Of an enlarged map, whose pixels are
copies, 9 do for 2×2.

Sums are in another order, so digits differ as they do between two machines. In bf16 the sums are rounded too: a layer's
results are off by 0.9 % of their standard deviation where those of a plain convolution are by 0.25 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from benchmark.machine import products_are_portable

TAPS = 3


class Filtering(NamedTuple):
    """One way of taking neighbouring results along an axis from a window of pixels and a kernel of three weights.

    Attributes:
        pixels: the article's B, transposed, (products, pixels): the sums of a window's pixels.
        kernel: its G, (products, 3): those of the kernel's weights.
        results: its A, transposed, (results, products): the results from the products.
        step: pixels from one window to the next.
    """

    pixels: Tensor
    kernel: Tensor
    results: Tensor
    step: int


def filtering(points: Sequence[float], results: int) -> Filtering:
    """The algorithm of Toom and Cook, which knows a polynomial by its values at some points and at infinity.

    Args:
        points: one more than results, all different.
        results: of a window.
    """
    at = np.array(points, dtype=float)
    others = [np.delete(at, place) for place in range(len(at))]
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
        channels: it pays from so many channels in times channels out, by their sum, on: products saved grow as the one
            does, sums that it takes instead as the other.
        work: it pays from so much of that on, times the pixels of a sample's results.
    """

    rows: Filtering
    columns: Filtering
    channels: int
    work: int

    @cached_property
    def matrices(self) -> tuple[Tensor, Tensor, Tensor]:
        """Both axes' at once: (products, pixels of a window), (products, 9) and (results of a window, products)."""
        rows, columns = self.rows, self.columns
        pixels, kernel = torch.kron(rows.pixels, columns.pixels), torch.kron(rows.kernel, columns.kernel)
        return pixels, kernel, torch.kron(rows.results, columns.results)


# Measured with 29 layers on an AMD EPYC with AVX512-BF16, batch 4, forward and backward: 512 to 512 channels of 16×16
# pixels take 0.58 of a plain convolution's time in bf16 and 0.56 in float32, 256 to 256 0.73 and 0.67, 128 to 256 of
# 32×32 0.69 and 0.63; and where it is not done, 128 to 64 of 64×64 0.97 and 1.05, 256 to 256 of 8×8 0.98 and 1.01.
# Forward alone 0.15 more. Enlarged maps beside the way of `benchmark.networks.resampling`: 128 to 128 of 16×16 before
# that 0.71 and 0.79, 512 to 512 of 8×8 0.40 and 0.46, and where it is not done, 128 to 64 of 32×32 0.90 and 1.02. With
# portable products 512 to 512 take 1.1 and 256 to 256 1.2 of a plain convolution's time.
#
# Pixels' and results' matrices have few digits, which bf16 holds. Of such points ±3/4 and ±3/2 lose the fewest digits:
# at ±1 and ±2, or ±1/2, results are off by 1.3 %.
PLAIN = Way(filtering((0, 0.75, -0.75, 1.5, -1.5), 4), filtering((0, 1, -1), 2), channels=50, work=25_000)
# A window of an enlarged map is a b b c, of which the product with b - b is nothing.
_TWO_ENLARGED = Filtering(
    pixels=torch.tensor([[1, -1, 0], [0, 1, 0], [0, -1, 1]]),
    kernel=torch.tensor([[1, 0, 0], [1, 1, 1], [0, 0, 1]]),
    results=torch.tensor([[1, 1, 0], [0, 1, 1]]),
    step=1,
)
ENLARGED = Way(_TWO_ENLARGED, _TWO_ENLARGED, channels=64, work=0)


def pays(way: Way, weight: Tensor, size: Sequence[int], groups: int = 1) -> bool:
    """Whether a convolution 3×3 had better go this way: on a CPU that multiplies matrices as fast as it can.

    Args:
        way: how.
        weight: (out, in, 3, 3).
        size: rows and columns of the results.
        groups: of the convolution.
    """
    out_channels, in_channels = weight.shape[:2]
    rows, columns = size
    saved = in_channels * out_channels / (in_channels + out_channels)
    return (
        weight.device.type == "cpu"
        and not products_are_portable()
        and groups == 1
        and saved >= way.channels
        and saved * rows * columns >= way.work
        and rows % len(way.rows.results) == columns % len(way.columns.results) == 0
    )


def conv3x3(features: Tensor, weight: Tensor, bias: Tensor | None = None, *, padding: int) -> Tensor:
    """``F.conv2d`` of stride 1 with a kernel 3×3, whichever way.

    Args:
        features: (N, in, H, W).
        weight: (out, in, 3, 3).
        bias: (out,) or none.
        padding: zeros around the map, 0 or 1.

    Returns:
        (N, out, H, W), or without padding two rows and columns less.
    """
    if not pays(PLAIN, weight, [side + 2 * padding + 1 - TAPS for side in features.shape[-2:]]):
        return F.conv2d(features, weight, bias, padding=padding)
    made = _convolved(features, weight, padding, PLAIN)
    return made if bias is None else made + bias.to(made.dtype)[:, None, None]


def conv3x3_of_enlarged(small: Tensor, weight: Tensor) -> Tensor:
    """A convolution 3×3, padded by zeros, of a map that counts as enlarged to twice its height and width.

    Args:
        small: (N, in, H, W).
        weight: (out, in, 3, 3).

    Returns:
        (N, out, 2H, 2W).
    """
    return _convolved(small, weight, 1, ENLARGED)


class Conv3x3(nn.Conv2d):
    """``nn.Conv2d`` 3×3 of stride 1, padded by zeros to keep the size, by `conv3x3`."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, TAPS, padding=1)

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H, W)."""
        return super().forward(input) if self.groups > 1 else conv3x3(input, self.weight, self.bias, padding=1)


def _convolved(features: Tensor, weight: Tensor, padding: int, way: Way) -> Tensor:
    kind = features.device.type
    if torch.is_autocast_enabled(kind):
        features = features.to(torch.get_autocast_dtype(kind))
    return _Convolution.apply(features, weight, padding, way)


class _Convolution(torch.autograd.Function):
    """From maps (N, in, H, W) and kernels (out, in, 3, 3) to maps (N, out, H', W'), computed in the maps' precision.

    Within, rows and columns of a map come before samples and channels: whatever is done to windows is done to slices
    then, in which numbers lie side by side.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor, padding: int, way: Way) -> Tensor:
        of_pixels, of_kernel, of_results = (matrix.to(features) for matrix in way.matrices)
        matrices = weight.to(features.dtype).flatten(2).flatten(0, 1).T
        kernels = (of_kernel @ matrices).unflatten(1, weight.shape[:2])
        pixels = F.pad(_pixels_first(features), (0, 0, 0, 0, padding, padding, padding, padding))
        windows = torch.stack(_windows(pixels, way))
        tiles = windows.shape[1:3]
        sums = (of_pixels @ windows.flatten(1)).view(len(of_pixels), -1, windows.shape[-1])
        products = torch.bmm(sums, kernels.transpose(1, 2))
        results = of_results @ products.flatten(1)
        placed = results.view(len(way.rows.results), len(way.columns.results), *tiles, len(features), -1)
        ctx.save_for_backward(sums, kernels)
        ctx.padding, ctx.way, ctx.pixels = padding, way, pixels.shape
        return _channels_first(placed.permute(2, 0, 3, 1, 4, 5).flatten(2, 3).flatten(0, 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        sums, kernels = ctx.saved_tensors
        of_pixels, of_kernel, of_results = (matrix.to(sums) for matrix in ctx.way.matrices)
        rows, columns = (len(along.results) for along in (ctx.way.rows, ctx.way.columns))
        placed = _pixels_first(gradient).unflatten(1, (-1, columns)).unflatten(0, (-1, rows))
        results = placed.permute(1, 3, 0, 2, 4, 5).reshape(rows * columns, -1)
        products = (of_results.T @ results).view(*sums.shape[:2], -1)
        of_features = of_weight = None
        if ctx.needs_input_grad[1]:
            of_kernels = torch.bmm(products.transpose(1, 2), sums)
            of_weight = (of_kernel.T @ of_kernels.flatten(1)).T.reshape(*kernels.shape[1:], TAPS, TAPS)
        if ctx.needs_input_grad[0]:
            windows = of_pixels.T @ torch.bmm(products, kernels).flatten(1)
            pixels = windows.new_zeros(ctx.pixels)
            for into, part in zip(_windows(pixels, ctx.way), windows, strict=True):
                into += part.view_as(into)
            inner = (slice(ctx.padding, side - ctx.padding) for side in ctx.pixels[:2])
            of_features = _channels_first(pixels[*inner])
        return of_features, of_weight, None, None


def _windows(maps: Tensor, way: Way) -> list[Tensor]:
    """Of every window in maps (H, W, N, C) the first pixels, the second ones and so on, (tiles, tiles, N, C) each."""
    places = []
    for length, along in zip(maps.shape, (way.rows, way.columns), strict=False):
        window = along.pixels.shape[1]
        places.append([slice(first, length - window + first + 1, along.step) for first in range(window)])
    return [maps[rows, columns] for rows in places[0] for columns in places[1]]


def _pixels_first(maps: Tensor) -> Tensor:
    """(N, C, H, W) to (H, W, N, C)."""
    # A copy of a matrix goes by blocks that fit into caches.
    return maps.flatten(2).flatten(0, 1).T.contiguous().view(*maps.shape[2:], *maps.shape[:2])


def _channels_first(maps: Tensor) -> Tensor:
    """(H, W, N, C) to (N, C, H, W)."""
    return maps.flatten(2).flatten(0, 1).T.contiguous().view(*maps.shape[2:], *maps.shape[:2])

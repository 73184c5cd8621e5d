"""Faster convolutions that halve, double or follow the enlargement of a map."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.acceleration import winograd
from benchmark.acceleration.grouping import join
from benchmark.networks.generator import enlarge

PRODUCTS = 4096
"""Pairs of channels for each pixel of the smaller map from which one matrix product is faster on a CPU.

Measured for 33 layers at widths 16 and 64 in float32 and bf16, batch 4, forward and backward: 512 channels take 0.4 to
0.5 of the time at 2 × 2 pixels and 0.6 to 0.9 at 8 × 8; 128 channels take 1.5 at 8 × 8.
"""
LARGE = 2**14
"""Numbers in a sample's map from which late enlargement is faster on a CPU.

It has more kernels: a convolution 3×3 of 32 + 32 channels and 8 × 8 to 16 × 16 pixels takes 1.7 times as long, one of
128 + 128 channels and 32 × 32 to 64 × 64 pixels 0.75 times.
"""
_SHAPE = {"kernel_size": 4, "stride": 2, "padding": 1}


def _by_product(conv: nn.Conv2d | nn.ConvTranspose2d, small: Tensor | torch.Size, where: torch.device) -> bool:
    rows, columns = small[-2:]
    many = rows * columns * PRODUCTS <= conv.in_channels * conv.out_channels
    return many and conv.groups == 1 and where.type == "cpu"


class HalvingConv2d(nn.Conv2d):
    """``nn.Conv2d`` 4×4 of stride 2 and padding 1; of small maps, as one matrix product."""

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H/2, W/2); H and W are even."""
        samples, _, height, width = input.shape
        size = torch.Size((height // 2, width // 2))
        if not _by_product(self, size, input.device):
            return super().forward(input)
        patches = F.unfold(input, **_SHAPE).transpose(0, 1).flatten(1)
        halved = (self.weight.flatten(1) @ patches).unflatten(1, (samples, *size)).transpose(0, 1)
        return halved if self.bias is None else halved + self.bias[:, None, None]


class DoublingConv2d(nn.ConvTranspose2d):
    """``nn.ConvTranspose2d`` 4×4 of stride 2 and padding 1; of small maps, as one matrix product."""

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, in, H, W) to (N, out, 2H, 2W)."""
        samples, _, height, width = input.shape
        if output_size is not None or not _by_product(self, input.shape, input.device):
            return super().forward(input, output_size)
        patches = self.weight.flatten(1).T @ input.transpose(0, 1).flatten(1)
        columns = patches.unflatten(1, (samples, height * width)).transpose(0, 1)
        doubled = F.fold(columns, (2 * height, 2 * width), **_SHAPE)
        return doubled if self.bias is None else doubled + self.bias[:, None, None]


class Doubled(NamedTuple):
    """A map that stands for its enlargement to twice the height and width, and optionally a map in further channels.

    Each pixel of the enlarged map is one of four copies. So what acts on each pixel, or takes statistics of all, can
    act on the small map in a quarter of the time. For convolutions 3×3 see `convolve`.

    Attributes:
        small: (N, C, H, W).
        beside: (N, C', 2H, 2W).
    """

    small: Tensor
    beside: Tensor | None = None

    def each(self, work: Callable[[Tensor], Tensor]) -> "Doubled":
        """The same done to both."""
        return Doubled(work(self.small), None if self.beside is None else work(self.beside))


Maps = Tensor | Doubled


def doubled(small: Tensor, beside: Tensor | None = None, *, groups: int = 1) -> Maps:
    """Enlarges a map (N, C, H, W) and joins it with one (N, C', 2H, 2W), or returns both as they are if that is faster.

    A GPU gets the enlarged map: there the number of kernels is the cost, and `Doubled` needs more of them.
    """
    pays = small.device.type == "cpu" and small[0].numel() >= LARGE and groups == 1
    maps = Doubled(small, beside)
    return maps if pays else whole(maps, groups)


def whole(features: Maps, groups: int = 1) -> Tensor:
    """Doubled maps as one tensor, (N, C + C', 2H, 2W); tensors as they are."""
    if isinstance(features, Tensor):
        return features
    enlarged = enlarge(features.small)
    return enlarged if features.beside is None else join(enlarged, features.beside, groups)


def convolve(conv: nn.Conv2d, features: Maps) -> Tensor:
    """A convolution 3×3 with padding, or 1×1, of stride 1; of doubled maps as they are.

    A 3×3 kernel on an enlarged map covers at most 2×2 different pixels of the small map. So each of the four places
    in a doubled pixel is a convolution 2×2 of the small map with sums of the kernel's weights: 4/9 of the products.
    """
    if isinstance(features, Tensor):
        return conv(features)
    first = features.small.shape[1]
    of_small, of_beside = conv.weight.split([first, conv.in_channels - first], dim=1)
    pointwise = conv.kernel_size == (1, 1)
    made = enlarge(F.conv2d(features.small, of_small)) if pointwise else _doubling_3x3(features.small, of_small)
    if features.beside is None:
        return made if conv.bias is None else made + conv.bias[:, None, None]
    if pointwise:
        return made + F.conv2d(features.beside, of_beside, conv.bias)
    return made + winograd.conv3x3(features.beside, of_beside, conv.bias, padding=1)


def enlarge_and_convolve(conv: nn.Conv2d, small: Tensor) -> Tensor:
    """A convolution 3×3 with padding and bias of an enlarged map, computed before it is enlarged as in `convolve`.

    Args:
        small: (N, in, H, W).

    Returns:
        (N, out, 2H, 2W).
    """
    assert conv.bias is not None
    return _doubling_3x3(small, conv.weight, conv.groups) + conv.bias[:, None, None]


def _doubling_3x3(small: Tensor, weight: Tensor, groups: int = 1) -> Tensor:
    """(N, groups * in, H, W) to (N, out, 2H, 2W), with weights (out, in, 3, 3)."""
    height, width = small.shape[-2:]
    if winograd.pays(winograd.ENLARGED, small, weight):
        return winograd.convolved(small, weight, 1, winograd.ENLARGED)
    kernels = (weight.flatten(2) @ _sums().to(weight)).unflatten(2, (4, 2, 2)).transpose(1, 2).flatten(0, 1)
    # One row and column too many of each.
    places = F.conv2d(small, kernels, padding=1, groups=groups).unflatten(1, (-1, 2, 2))
    rows = [places[:, :, r, :, r : r + height] for r in (0, 1)]
    corners = [rows[r][:, :, c, :, c : c + width] for r in (0, 1) for c in (0, 1)]
    return F.pixel_shuffle(torch.stack(corners, dim=2).flatten(1, 2), 2)


@cache
@torch.inference_mode(False)  # the first caller may translate, and a later one train
def _sums() -> Tensor:
    """(9, 16): which of a kernel's weights add up to each weight of the four kernels 2×2."""
    # [place in the doubled pixel, small row (or column), kernel row (or column)]
    spread = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    return torch.einsum("pyk,qxl->klpqyx", spread, spread).reshape(9, 16)

"""Deterministic replacements for ``nn.ReflectionPad2d`` and ``nn.AdaptiveAvgPool2d``.

On a GPU their gradients depend on the order in which threads finish, and PyTorch refuses them under deterministic
algorithms (documentation of ``torch.use_deterministic_algorithms``).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def reflect(images: Tensor, by: int) -> Tensor:
    """Pads the last two axes by their reflection, the edge itself not repeated.

    Args:
        images: (..., H, W), both more than ``by``.
        by: pixels on every side, at least 1.

    Returns:
        (..., H + 2 by, W + 2 by).

    Raises:
        ValueError: the images are too small for that.
    """
    if min(images.shape[-2:]) <= by:
        raise ValueError(f"images of {tuple(images.shape[-2:])} cannot be reflected by {by}")
    rows = torch.cat([images[..., 1 : by + 1, :].flip(-2), images, images[..., -by - 1 : -1, :].flip(-2)], dim=-2)
    return torch.cat([rows[..., 1 : by + 1].flip(-1), rows, rows[..., -by - 1 : -1].flip(-1)], dim=-1)


class ReflectConv2d(nn.Conv2d):
    """``nn.Conv2d`` of stride 1 with an odd kernel, on images padded by their reflection: they keep their size."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel_size, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); H and W are more than half of the kernel."""
        return F.conv2d(reflect(input, self.kernel_size[0] // 2), self.weight, self.bias)


def adaptive_average(features: Tensor, side: int) -> Tensor:
    """``F.adaptive_avg_pool2d`` as two matrix products: cell i of n covers rows ⌊i H / n⌋ to ⌈(i + 1) H / n⌉ - 1.

    Args:
        features: (N, C, H, W).
        side: cells along both axes.

    Returns:
        (N, C, side, side).
    """
    height, width = (_averages(size, side).to(features) for size in features.shape[-2:])
    return height @ features @ width.T


def _averages(size: int, cells: int) -> Tensor:
    """(cells, size): each row averages the pixels of one cell."""
    first = torch.arange(cells) * size // cells
    last = -(-torch.arange(1, cells + 1) * size // cells)
    pixels = torch.arange(size)
    covered = ((pixels >= first[:, None]) & (pixels < last[:, None])).float()
    return covered / covered.sum(dim=1, keepdim=True)

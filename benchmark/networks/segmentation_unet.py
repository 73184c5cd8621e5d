"""Plain segmentation U-Net, after Isola et al., CVPR 2017; with residual blocks it is `ResidualUNet`."""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.networks.residual_block import LEAKY_SLOPE

MAX_DEPTH = 7
MIN_DEPTH = 2
_SHAPE: dict[str, Any] = {"kernel_size": 4, "stride": 2, "padding": 1}
"""Of a convolution that halves a map, or a transposed one that doubles it."""


def unet_depth(height: int, width: int) -> int:
    """How often crops of this size can be halved without a remainder, at most 7 times.

    Args:
        height: rows of the training crop in pixels.
        width: columns of the training crop in pixels.

    Raises:
        ValueError: a side is no multiple of 4.
    """
    depth = next((d for d in range(MAX_DEPTH, 0, -1) if height % 2**d == 0 and width % 2**d == 0), 0)
    if depth < MIN_DEPTH:
        raise ValueError(f"crops for a U-Net need sides that are multiples of 4; got {height}x{width}")
    return depth


def _down(in_channels: int, out_channels: int, *, bias: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.LeakyReLU(LEAKY_SLOPE),
        nn.Conv2d(in_channels, out_channels, **_SHAPE, bias=bias),
        nn.InstanceNorm2d(out_channels),
    )


def _up(in_channels: int, out_channels: int, *, bias: bool) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(in_channels, out_channels, **_SHAPE, bias=bias),
        nn.InstanceNorm2d(out_channels),
    )


class SegmentationUNet(nn.Module):
    """U-Net with strided and transposed convolutions 4×4, channels w-2w-4w-8w-8w…, and logits out.

    Down: LeakyReLU 0.2 (not on the image), convolution, instance norm. Up: ReLU, transposed convolution, instance norm.
    The first map, the innermost map and the logits are not normalized, as in the U-Net of Isola et al. 2017: on the
    training crop the innermost map can be a single pixel.

    Args:
        classes: classes of the segmentation, background included.
        depth: number of halvings, at least 2; `unet_depth` of the training crop.
        width: channels w of the first convolution, 64 in the paper.
        bias: of the convolutions before a norm, which removes it.
    """

    def __init__(self, classes: int, *, depth: int, width: int = 64, bias: bool = False) -> None:
        super().__init__()
        channels = [width * min(2**level, 8) for level in range(depth)]
        self.required_multiple = 2**depth
        """Height and width must be multiples of this."""
        stages = list(pairwise(channels))
        self.encoder = nn.ModuleList([nn.Conv2d(1, width, **_SHAPE)])
        self.encoder.extend(_down(outer, inner, bias=bias) for outer, inner in stages[:-1])
        outer, inner = stages[-1]
        self.encoder.append(nn.Sequential(nn.LeakyReLU(LEAKY_SLOPE), nn.Conv2d(outer, inner, **_SHAPE)))
        self.decoder = nn.ModuleList([_up(inner, outer, bias=bias)])
        self.decoder.extend(_up(2 * inner, outer, bias=bias) for outer, inner in reversed(stages[:-1]))
        self.decoder.append(nn.Sequential(nn.ReLU(inplace=True), nn.ConvTranspose2d(2 * width, classes, **_SHAPE)))

    def forward(self, images: Tensor) -> Tensor:
        """Segments a batch.

        Args:
            images: (N, 1, H, W) in [-1, 1]; H and W multiples of ``required_multiple``.

        Returns:
            (N, classes, H, W) logits.
        """
        features, skips = images, []
        for block in self.encoder:
            features = block(features)
            skips.append(features)
        features = self.decoder[0](skips.pop())
        for block, skip in zip(self.decoder[1:], reversed(skips), strict=True):
            features = block(self.join(features, skip))
        return features

    def join(self, features: Tensor, skip: Tensor) -> Tensor:
        """Two maps as one, side by side in the channels."""
        return torch.cat([features, skip], dim=1)

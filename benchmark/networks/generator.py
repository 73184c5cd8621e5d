"""Residual U-Net generator (Fig. 4 C), renormalized by segmentations or plain."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.residual_block import LEAKY_SLOPE, RESIDUAL_BLOCKS, block_normalization
from benchmark.networks.variant import Variant


class ResUNetGenerator(nn.Module):
    """Translates images of one domain into another.

    Args:
        width: channels w of the first convolution, 64 in the paper.
        conditioned: every normalization in the residual blocks is a segmentation renormalization, and ``forward`` needs
            the embedding. Otherwise it is a plain one, and all else is the same.
        embedding_dim: length of the embedding, 512 in the paper; used only if conditioned.
        order: order of convolution, normalization and activation in a residual block.
        gamma: form of the renormalization's scale; used only if conditioned.
    """

    required_multiple = 16
    """Height and width must be multiples of this."""
    smallest_images = (16, 32)
    """Shorter and longer side: a bottleneck of a single pixel has no standard deviation."""

    def __init__(
        self,
        width: int = 64,
        *,
        conditioned: bool,
        embedding_dim: int = 512,
        order: Variant = "reference",
        gamma: Variant = "reference",
    ) -> None:
        super().__init__()
        self.conditioned = conditioned
        normalization = block_normalization(
            conditioned=conditioned, embedding_dim=embedding_dim, order=order, gamma=gamma
        )
        w, block = width, RESIDUAL_BLOCKS[order]
        self.stem = _halving(1, w)
        self.encoder = nn.ModuleList(
            block(i, o, normalization) for i, o in ((w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w))
        )
        self.downsample = nn.ModuleList(_halving(c, c) for c in (2 * w, 4 * w, 8 * w))
        self.bottleneck = block(8 * w, 8 * w, normalization)
        self.middle = nn.ModuleList(block(8 * w, 8 * w, normalization) for _ in range(2))
        self.decoder = nn.ModuleList(
            block(i, o, normalization) for i, o in ((16 * w, 4 * w), (8 * w, 2 * w), (4 * w, w))
        )
        self.head = nn.Conv2d(w, 1, 3, padding=1)

    def forward(self, images: Tensor, embedding: Tensor | None = None) -> Tensor:
        """Translates a batch.

        Args:
            images: (N, 1, H, W) in [-1, 1]; H and W multiples of 16, and more than one pixel left at H/16 × W/16.
            embedding: (N, embedding_dim), of the images' segmentations; none for a plain generator.

        Returns:
            (N, 1, H, W) in [-1, 1].
        """
        condition = () if embedding is None else (embedding,)
        features = F.relu(self.stem(images))
        skips = []
        for block, downsample in zip(self.encoder, self.downsample, strict=True):
            features = block(features, *condition)
            skips.append(features)
            features = downsample(features)
        features = enlarge(self.bottleneck(features, *condition))
        for block in self.middle:
            features = block(features, *condition)
        for level, block in enumerate(self.decoder):
            if level:  # the middle blocks are at the size of the deepest skip already
                features = enlarge(features)
            features = block(torch.cat([features, skips.pop()], dim=1), *condition)
        return torch.tanh(self.head(enlarge(F.leaky_relu(features, LEAKY_SLOPE))))


def enlarge(features: Tensor) -> Tensor:
    """Nearest-neighbour, (N, C, H, W) to (N, C, 2H, 2W)."""
    return F.interpolate(features, scale_factor=2, mode="nearest")


def _halving(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 4, stride=2, padding=1)

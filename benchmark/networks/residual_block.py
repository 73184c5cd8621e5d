"""Residual blocks of the generator (Fig. 3): as the paper's text describes them, and as its published code runs."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.renormalization import SegmentationRenorm
from benchmark.networks.variant import Variant

LEAKY_SLOPE = 0.2

Normalization = Callable[[int], nn.Module]
"""Makes the normalization layer for a number of channels."""


class PreNormResidualBlock(nn.Module):
    """Normalization → LeakyReLU 0.2 → conv 3×3, twice, plus the shortcut: the block of the published code.

    The hidden width is min(in, out). The shortcut is the identity if the widths agree; otherwise it is a normalization
    of its own and a conv 1×1 without bias.
    """

    def __init__(self, in_channels: int, out_channels: int, normalization: Normalization) -> None:
        super().__init__()
        hidden = min(in_channels, out_channels)
        self.norm1 = normalization(in_channels)
        self.conv1 = nn.Conv2d(in_channels, hidden, 3, padding=1)
        self.norm2 = normalization(hidden)
        self.conv2 = nn.Conv2d(hidden, out_channels, 3, padding=1)
        self.projects = in_channels != out_channels
        if self.projects:
            self.shortcut_norm = normalization(in_channels)
            self.shortcut_conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, features: Tensor, *embedding: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); renormalizations take the embedding, plain normalizations take none."""
        shortcut = self.shortcut_conv(self.shortcut_norm(features, *embedding)) if self.projects else features
        hidden = self.conv1(F.leaky_relu(self.norm1(features, *embedding), LEAKY_SLOPE))
        return self.conv2(F.leaky_relu(self.norm2(hidden, *embedding), LEAKY_SLOPE)) + shortcut


class PostNormResidualBlock(nn.Module):
    """Conv 3×3 → normalization → ReLU, twice, plus the shortcut: ResBlock(k) as the paper describes it (Section II-C).

    Both convolutions have k = ``out_channels`` filters. The paper does not say how the shortcut changes the width; here
    it is the projection of He et al. 2016, which the paper cites for the block: a conv 1×1 and its normalization.
    """

    def __init__(self, in_channels: int, out_channels: int, normalization: Normalization) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm1 = normalization(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.norm2 = normalization(out_channels)
        self.projects = in_channels != out_channels
        if self.projects:
            self.shortcut_conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.shortcut_norm = normalization(out_channels)

    def forward(self, features: Tensor, *embedding: Tensor) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); renormalizations take the embedding, plain normalizations take none."""
        shortcut = self.shortcut_norm(self.shortcut_conv(features), *embedding) if self.projects else features
        hidden = F.relu(self.norm1(self.conv1(features), *embedding))
        return F.relu(self.norm2(self.conv2(hidden), *embedding)) + shortcut


RESIDUAL_BLOCKS: dict[Variant, type[PreNormResidualBlock] | type[PostNormResidualBlock]] = {
    "paper": PostNormResidualBlock,
    "reference": PreNormResidualBlock,
}

PLAIN_NORMALIZATIONS: dict[Variant, Normalization] = {"paper": nn.BatchNorm2d, "reference": nn.InstanceNorm2d}
"""Of blocks that no segmentation modulates: batch norm is affine and has running statistics, instance norm neither."""


def block_normalization(*, conditioned: bool, embedding_dim: int, order: Variant, gamma: Variant) -> Normalization:
    """The normalization of the residual blocks of one generator.

    A renormalized block always standardizes each sample by itself: in Eq. 1, μ and σ have the index n of the sample.

    Args:
        conditioned: segmentation renormalization instead of a plain normalization.
        embedding_dim: length of the embedding; used only if conditioned.
        order: which plain normalization, of `PLAIN_NORMALIZATIONS`; used only if not conditioned.
        gamma: form of the renormalization's scale; used only if conditioned.
    """
    if conditioned:
        return lambda channels: SegmentationRenorm(channels, embedding_dim, gamma)
    return PLAIN_NORMALIZATIONS[order]

"""Residual blocks: those of the residual U-Net (Fig. 3) and those of Johnson's image transformation network."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.deterministic import ReflectConv2d
from benchmark.networks.normalization import InstanceNorm
from benchmark.networks.renorm import Modulations, SegmentationRenorm
from benchmark.networks.resampling import Maps, convolve, whole
from benchmark.networks.variant import Variant
from benchmark.networks.winograd import Conv3x3

LEAKY_SLOPE = 0.2

Normalization = Callable[[int], nn.Module]
"""Makes the normalization layer for a number of channels."""


def _leaky_relu(features: Maps) -> Maps:
    def activate(values: Tensor) -> Tensor:
        return F.leaky_relu(values, LEAKY_SLOPE)

    return activate(features) if isinstance(features, Tensor) else features.each(activate)


class PreNormResidualBlock(nn.Module):
    """normalization → LeakyReLU 0.2 → conv 3×3, twice, plus the shortcut: the block of the published code.

    The hidden width is min(in, out). The shortcut is the identity where the widths agree, and otherwise a
    normalization of its own and a conv 1×1 without bias.
    """

    def __init__(self, in_channels: int, out_channels: int, normalization: Normalization) -> None:
        super().__init__()
        hidden = min(in_channels, out_channels)
        self.norm1 = normalization(in_channels)
        self.conv1 = Conv3x3(in_channels, hidden)
        self.norm2 = normalization(hidden)
        self.conv2 = Conv3x3(hidden, out_channels)
        self.projects = in_channels != out_channels
        if self.projects:
            self.shortcut_norm = normalization(in_channels)
            self.shortcut_conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, features: Maps, *condition: Modulations) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); ``condition`` is handed to every normalization."""
        normalized = self.norm1(features, *condition)
        if self.projects:
            # Without parameters, one normalization is the other.
            again = type(self.shortcut_norm) is not InstanceNorm
            shortcut = convolve(self.shortcut_conv, self.shortcut_norm(features, *condition) if again else normalized)
        else:
            shortcut = whole(features)
        hidden = convolve(self.conv1, _leaky_relu(normalized))
        return self.conv2(F.leaky_relu(self.norm2(hidden, *condition), LEAKY_SLOPE)) + shortcut


class PostNormResidualBlock(nn.Module):
    """conv 3×3 → normalization → ReLU, twice, plus the shortcut: ResBlock(k) as the article words it.

    Both convolutions have k = ``out_channels`` filters (Section II-C). The article does not say how the
    shortcut changes the width; this is the projection of He et al. 2016, which it cites for the block: a
    conv 1×1 and its normalization, after the convolution as everywhere in this block.
    """

    def __init__(self, in_channels: int, out_channels: int, normalization: Normalization) -> None:
        super().__init__()
        self.conv1 = Conv3x3(in_channels, out_channels)
        self.norm1 = normalization(out_channels)
        self.conv2 = Conv3x3(out_channels, out_channels)
        self.norm2 = normalization(out_channels)
        self.projects = in_channels != out_channels
        if self.projects:
            self.shortcut_conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
            self.shortcut_norm = normalization(out_channels)

    def forward(self, features: Maps, *condition: Modulations) -> Tensor:
        """(N, in, H, W) to (N, out, H, W); ``condition`` is handed to every normalization."""
        if self.projects:
            shortcut = self.shortcut_norm(convolve(self.shortcut_conv, features), *condition)
        else:
            shortcut = whole(features)
        hidden = F.relu(self.norm1(convolve(self.conv1, features), *condition))
        return F.relu(self.norm2(self.conv2(hidden), *condition)) + shortcut


RESIDUAL_BLOCKS: dict[Variant, type[PreNormResidualBlock] | type[PostNormResidualBlock]] = {
    "paper": PostNormResidualBlock,
    "reference": PreNormResidualBlock,
}


def block_normalization(*, conditioned: bool, embedding_dim: int, order: Variant, gamma: Variant) -> Normalization:
    """The normalization that goes into the residual blocks of one generator.

    "Batch norm" in the article's ResBlock and "instance norm" in its code differ for plain blocks only. A
    renormalized block always standardizes per sample: Eq. 1 gives μ and σ the index n of the sample, and an
    embedding per sample would mean little on statistics of the whole batch.

    Args:
        conditioned: segmentation renormalization instead of a plain normalization.
        embedding_dim: length of the embedding; read only if conditioned.
        order: ``paper`` makes plain normalizations batch norm (with affine parameters and running statistics),
            ``reference`` instance norm (with neither, as the renormalization that it stands in for).
        gamma: the form of the renormalization's scale; read only if conditioned.
    """
    if conditioned:
        return lambda channels: SegmentationRenorm(channels, embedding_dim, gamma)
    return nn.BatchNorm2d if order == "paper" else InstanceNorm


class ReflectResidualBlock(nn.Module):
    """Residual block of Zhu et al. 2017: conv 3×3, norm, ReLU, conv 3×3, norm, plus the input; reflection padding."""

    def __init__(self, channels: int, normalization: Normalization, *, bias: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ReflectConv2d(channels, channels, 3, bias=bias),
            normalization(channels),
            nn.ReLU(),
            ReflectConv2d(channels, channels, 3, bias=bias),
            normalization(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return features + self.body(features)


def resnet_encoder(width: int, blocks: int, normalization: Normalization, *, bias: bool) -> nn.Sequential:
    """c7s1-w, d2w, d4w and residual blocks (Zhu et al. 2017, appendix): (N, 1, H, W) to (N, 4w, H/4, W/4)."""
    return nn.Sequential(
        ReflectConv2d(1, width, 7, bias=bias),
        normalization(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=bias),
        normalization(2 * width),
        nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1, bias=bias),
        normalization(4 * width),
        nn.ReLU(),
        *(ReflectResidualBlock(4 * width, normalization, bias=bias) for _ in range(blocks)),
    )


def resnet_decoder(width: int, normalization: Normalization, *, bias: bool) -> nn.Sequential:
    """u2w, uw, c7s1-1 and tanh (Zhu et al. 2017, appendix): (N, 4w, H/4, W/4) to (N, 1, H, W)."""
    return nn.Sequential(
        nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1, bias=bias),
        normalization(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1, bias=bias),
        normalization(width),
        nn.ReLU(),
        ReflectConv2d(width, 1, 7),
        nn.Tanh(),
    )

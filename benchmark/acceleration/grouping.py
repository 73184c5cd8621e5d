"""Networks of which two can be fused into one (`benchmark.acceleration.fusion`).

Maps of fused networks lie side by side in the channels, and their convolutions have as many groups.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.deterministic import adaptive_average
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import DROPOUT, POOLED_SIDE, SemanticExtractor


class Grouped(nn.Module):
    """A network that can be fused with another of its kind.

    All that it does across channels is a convolution, an activation or one of the functions below. It has no buffers
    but those of spectral norm, and no parameters but those of convolutions and linear layers.

    Attributes:
        groups: networks in it.
    """

    groups = 1


def join(first: Tensor, second: Tensor, groups: int) -> Tensor:
    """Two maps as one: in each group the channels of the first before those of the second.

    Args:
        first: (N, groups * C, H, W).
        second: (N, groups * C', H, W).
        groups: networks whose maps these are.

    Returns:
        (N, groups * (C + C'), H, W).
    """
    return torch.cat([each.unflatten(1, (groups, -1)) for each in (first, second)], dim=2).flatten(1, 2)


def weights_of(layer: nn.Linear, network: int, groups: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of one of the networks; fused ones keep them apart, in sequences."""
    if groups == 1:
        return layer.weight, layer.bias
    weights, biases = (cast(Sequence[Tensor], each) for each in (layer.weight, layer.bias))
    return weights[network], biases[network]


def group_linear(layer: nn.Linear, features: Tensor, groups: int) -> Tensor:
    """A linear layer with a bias, of each network by itself: one product for both would have to copy their weights.

    Args:
        features: (N, groups * in).

    Returns:
        (N, groups * out).
    """
    if groups == 1:
        return layer(features)
    parts = enumerate(features.chunk(groups, dim=1))
    return torch.cat([F.linear(part, *weights_of(layer, network, groups)) for network, part in parts], dim=1)


def group_dropout(features: Tensor, probability: float, groups: int, *, training: bool) -> Tensor:
    """Dropout of (N, groups * C), drawn for one network after the other."""
    parts = [F.dropout(part, probability, training) for part in features.chunk(groups, dim=1)]
    return parts[0] if groups == 1 else torch.cat(parts, dim=1)


class GroupedSegmentationUNet(Grouped, SegmentationUNet):
    """`SegmentationUNet`, to be fused."""

    def join(self, features: Tensor, skip: Tensor) -> Tensor:
        return join(features, skip, self.groups)


class GroupedResidualUNet(Grouped, ResidualUNet):
    """`ResidualUNet`, to be fused."""

    def join(self, features: Tensor, skip: Tensor) -> Tensor:
        return join(features, skip, self.groups)


class GroupedReferenceResUNet(Grouped, ReferenceResUNet):
    """`ReferenceResUNet`, to be fused."""


class GroupedExtractor(Grouped, SemanticExtractor):
    """`SemanticExtractor` in the memory layout in which max pooling on a CPU is vectorized: two thirds of the time."""

    def forward(self, segmentation: Tensor, *, dropout: bool = True) -> Tensor:
        """As `SemanticExtractor.forward`."""
        features = segmentation.contiguous(memory_format=torch.channels_last)
        for conv in self.convs:
            features = F.relu(self.pool(conv(features)))
        pooled = adaptive_average(features, POOLED_SIDE).flatten(1)
        hidden = F.relu(group_linear(self.linear1, pooled, self.groups))
        dropped = group_dropout(hidden, DROPOUT, self.groups, training=self.training and dropout)
        return group_linear(self.linear2, dropped, self.groups)


class GroupedPatchDiscriminator(Grouped, PatchDiscriminator):
    """`PatchDiscriminator`, to be fused."""


class GroupedPatchDiscriminator70(Grouped, PatchDiscriminator70):
    """`PatchDiscriminator70`, to be fused."""

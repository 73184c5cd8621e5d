"""What networks do with channels where several of one kind may be fused into one (`benchmark.networks.fusion`).

Maps of fused networks lie side by side in the channels, and their convolutions have as many groups.
"""

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.microbatch import dropout as drop


class Fusible(nn.Module):
    """A network that can be fused with another of its kind.

    It says so by being a direct base: a subclass of such a network may do something else with channels, and says it
    again if it does not. In it, whatever is not done to each channel by itself is a convolution, an activation or one
    of the functions below; it has no buffers but those of spectral norm, and no parameters but those of convolutions
    and linear layers.

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


def linear(layer: nn.Linear, features: Tensor, groups: int) -> Tensor:
    """A linear layer, of each network by itself: one product for both would have to copy their weights.

    Args:
        layer: with a bias.
        features: (N, groups * in).
        groups: networks whose features these are.

    Returns:
        (N, groups * out).
    """
    if groups == 1:
        return layer(features)
    parts = enumerate(features.chunk(groups, dim=1))
    return torch.cat([F.linear(part, *weights_of(layer, network, groups)) for network, part in parts], dim=1)


def dropout(features: Tensor, probability: float, groups: int, *, training: bool) -> Tensor:
    """`benchmark.networks.microbatch.dropout`, drawn for one network after the other.

    Args:
        features: (N, groups * C).
        probability: of a zero.
        groups: networks whose features these are.
        training: otherwise features stay as they are.
    """
    parts = [drop(part, probability, training=training) for part in features.chunk(groups, dim=1)]
    return parts[0] if groups == 1 else torch.cat(parts, dim=1)

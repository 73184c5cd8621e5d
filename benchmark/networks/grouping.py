"""Layers of several networks of one kind at once, whose maps lie side by side in the channels.

A network that can be computed so (see `benchmark.networks.wide`) has an attribute ``groups``, the number of
networks in it, which is 1 unless somebody widened it. Its convolutions have as many groups; what else it does with
channels goes through these functions.
"""

import torch
from torch import Tensor, nn

from benchmark.networks.microbatch import dropout as drop


def join(first: Tensor, second: Tensor, groups: int) -> Tensor:
    """Two maps as one: in each group the channels of the first before those of the second.

    Args:
        first: (N, groups * C, H, W).
        second: (N, groups * C', H, W).
        groups: networks whose maps these are.

    Returns:
        (N, groups * (C + C'), H, W).
    """
    if groups == 1:
        return torch.cat([first, second], dim=1)
    return torch.cat([each.unflatten(1, (groups, -1)) for each in (first, second)], dim=2).flatten(1, 2)


def linear(layer: nn.Linear, features: Tensor, groups: int) -> Tensor:
    """A linear layer: (N, groups * in) to (N, groups * out).

    Args:
        layer: with weights (groups * out, in) and a bias (groups * out).
    """
    if groups == 1:
        return layer(features)
    weight, bias = (values.unflatten(0, (groups, -1)) for values in (layer.weight, layer.bias))
    return products(features, weight, bias).flatten(1)


def products(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each group's features times its weights: (N, groups * in) to (N, groups, out).

    Args:
        features: (N, groups * in).
        weight: (groups, out, in).
        bias: (groups, out).
    """
    apart = features.unflatten(1, (len(weight), -1)).transpose(0, 1)
    return torch.baddbmm(bias[:, None], apart, weight.mT).transpose(0, 1)


def dropout(features: Tensor, probability: float, groups: int, *, training: bool) -> Tensor:
    """`benchmark.networks.microbatch.dropout` of (N, groups * C), drawn for one group after the other."""
    if groups == 1 or not training:
        return drop(features, probability, training=training)
    return torch.cat([drop(each, probability, training=True) for each in features.chunk(groups, dim=1)], dim=1)

"""Instance normalization and renormalization in fewer, faster kernels."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.acceleration.grouping import Grouped, weights_of
from benchmark.acceleration.resampling import Doubled, Maps
from benchmark.networks.renormalization import EPSILON, SegmentationRenorm


def instance_norm(features: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
    """``F.instance_norm``, then scales and shifts that may differ from sample to sample, in one kernel.

    Samples are folded into the channels and every channel is a group, because on a CPU PyTorch's group norm takes about
    half the time of its instance norm. Do not change the result in place: it is a view, and autograd would copy it.

    Args:
        features: (N, C, H, W), with H·W > 1.
        weight: (N, C) scales; none means 1.
        bias: (N, C) shifts; none means 0.

    Raises:
        ValueError: the map is a single pixel, which has no standard deviation.
    """
    samples, channels, height, width = features.shape
    if features.dtype.itemsize < 4:
        # Otherwise a CPU rounds mean and deviation to bf16 before it computes gradients with them.
        like = features.new_ones((samples, channels), dtype=torch.float32)
        weight, bias = like if weight is None else weight.float(), 0 * like if bias is None else bias.float()
    folded = F.group_norm(
        features.reshape(1, samples * channels, height, width),
        samples * channels,
        None if weight is None else weight.reshape(-1),
        None if bias is None else bias.reshape(-1),
        EPSILON,
    )
    return folded.view(samples, channels, height, width)


class FoldedInstanceNorm(nn.InstanceNorm2d):
    """``nn.InstanceNorm2d`` without parameters, by `instance_norm`."""

    def forward(self, input: Maps) -> Maps:  # type: ignore[override]
        """(N, C, H, W) to the same shape."""
        return instance_norm(input) if isinstance(input, Tensor) else input.each(instance_norm)


Modulations = Mapping[SegmentationRenorm, Tensor]
"""What ``film`` of each layer makes of the embeddings, (N, 2C); of fused networks (N, groups, 2C)."""


class FoldedRenorm(SegmentationRenorm):
    """`SegmentationRenorm` by `instance_norm`."""

    def forward(self, features: Maps, embedding: Tensor | Modulations) -> Maps:  # type: ignore[override]
        """Features (N, C, H, W), and embeddings or what `modulations` made of them, to (N, C, H, W)."""
        film = self.film(embedding) if isinstance(embedding, Tensor) else embedding[self]
        scale, beta = (values.flatten(1) for values in self.scale_and_shift(film))
        if isinstance(features, Tensor):
            return instance_norm(features, scale, beta)
        first = features.small.shape[1]
        small = instance_norm(features.small, scale[:, :first], beta[:, :first])
        if features.beside is None:
            return Doubled(small)
        return Doubled(small, instance_norm(features.beside, scale[:, first:], beta[:, first:]))


def modulations(network: Grouped, embedding: Tensor) -> Modulations:
    """Those of every renormalization in a network, by one matrix product instead of one for each.

    Args:
        embedding: (N, embedding_dim), of fused networks (N, groups * embedding_dim).
    """
    layers = [layer for layer in network.modules() if isinstance(layer, SegmentationRenorm)]
    groups, made = network.groups, []
    for place, part in enumerate(embedding.chunk(groups, dim=1)):
        weights, biases = zip(*(weights_of(layer.film, place, groups) for layer in layers), strict=True)
        made.append(F.linear(part, torch.cat(weights), torch.cat(biases)))
    each = (made[0] if groups == 1 else torch.stack(made, dim=1)).split([la.film.out_features for la in layers], dim=-1)
    return dict(zip(layers, each, strict=True))

"""Segmentation renormalization, Eq. 1 of the paper."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.grouping import Fusible, weights_of
from benchmark.networks.normalization import instance_norm
from benchmark.networks.resampling import Doubled, Maps
from benchmark.networks.variant import Variant

_OFFSET: dict[Variant, float] = {"paper": 0.0, "reference": 1.0}


class SegmentationRenorm(nn.Module):
    """Standardizes features and modulates them by an embedding of the predicted segmentation (Eq. 1).

    ``γ · (h - μ) / σ + β`` with μ and σ over the pixels of one channel of one sample, and ``γ, β = FC(f(m))``.
    FC_γ and FC_β are two linear layers (FiLM); their rows are stacked in ``film``, γ first, which is one
    matrix product instead of two.

    Args:
        channels: channels of the features.
        embedding_dim: length of the embedding ``f(m)``.
        gamma: ``paper`` scales by γ as Eq. 1 has it; ``reference`` by 1 + γ. With weights drawn from
            N(0, 0.02) the first lets next to no signal through at the start, the second all of it.
    """

    def __init__(self, channels: int, embedding_dim: int, gamma: Variant = "reference") -> None:
        super().__init__()
        self.offset = _OFFSET[gamma]
        self.film = nn.Linear(embedding_dim, 2 * channels)

    def forward(self, features: Maps, condition: "Modulations") -> Maps:
        """Features (N, C, H, W) and what `modulations` makes of embeddings (N, embedding_dim) to (N, C, H, W).

        Raises:
            ValueError: the map is a single pixel.
        """
        film = condition[self]
        # In few digits, 1 + γ would lose most of γ.
        gamma, beta = film.to(torch.promote_types(film.dtype, torch.float32)).chunk(2, dim=-1)
        scale, beta = (gamma + self.offset).flatten(1), beta.flatten(1)
        if isinstance(features, Tensor):
            return instance_norm(features, scale, beta)
        first = features.small.shape[1]
        small = instance_norm(features.small, scale[:, :first], beta[:, :first])
        if features.beside is None:
            return Doubled(small)
        return Doubled(small, instance_norm(features.beside, scale[:, first:], beta[:, first:]))


Modulations = Mapping[SegmentationRenorm, Tensor]
"""What each layer's ``film`` makes of the embeddings, (N, 2C); of several networks side by side, (N, groups, 2C)."""


def modulations(network: nn.Module, embedding: Tensor) -> Modulations:
    """Those of every renormalization in a network, or of one alone, by one matrix product instead of one for each.

    Args:
        embedding: (N, embedding_dim), of several networks side by side (N, groups * embedding_dim).
    """
    layers = [layer for layer in network.modules() if isinstance(layer, SegmentationRenorm)]
    groups = network.groups if isinstance(network, Fusible) else 1
    made = []
    for place, part in enumerate(embedding.chunk(groups, dim=1)):
        weights, biases = zip(*(weights_of(layer.film, place, groups) for layer in layers), strict=True)
        made.append(F.linear(part, torch.cat(weights), torch.cat(biases)))
    each = (made[0] if groups == 1 else torch.stack(made, dim=1)).split([la.film.out_features for la in layers], dim=-1)
    return dict(zip(layers, each, strict=True))

"""Segmentation renormalization, Eq. 1 of the paper."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.networks.variant import Variant

EPSILON = 1e-5
_OFFSET: dict[Variant, float] = {"paper": 0.0, "reference": 1.0}


class SegmentationRenorm(nn.Module):
    """Standardizes features and modulates them by an embedding of the predicted segmentation (Eq. 1).

    ``γ · (h - μ) / σ + β`` with μ and σ over the pixels of one channel of one sample, and ``γ, β = FC(f(m))``.
    FC_γ and FC_β are two linear layers (FiLM); their rows are stacked in ``film``, γ first.

    Args:
        channels: channels of the features.
        embedding_dim: length of the embedding ``f(m)``.
        gamma: ``paper`` scales by γ, as in Eq. 1; ``reference`` by 1 + γ. With weights drawn from N(0, 0.02), the first
            passes almost no signal at the start of training, the second all of it.
    """

    def __init__(self, channels: int, embedding_dim: int, gamma: Variant = "reference") -> None:
        super().__init__()
        self.offset = _OFFSET[gamma]
        self.film = nn.Linear(embedding_dim, 2 * channels)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """Features (N, C, H, W) and embeddings (N, embedding_dim) to (N, C, H, W).

        Raises:
            ValueError: the map is a single pixel, which has no standard deviation.
        """
        gamma, beta = self.scale_and_shift(self.film(embedding))
        return gamma[..., None, None] * F.instance_norm(features, eps=EPSILON) + beta[..., None, None]

    def scale_and_shift(self, film: Tensor) -> tuple[Tensor, Tensor]:
        """What ``film`` returns, (..., 2C), as scale and shift, (..., C) each, in float32 or finer.

        In bf16, 1 + γ would lose most digits of γ.
        """
        gamma, beta = film.to(torch.promote_types(film.dtype, torch.float32)).chunk(2, dim=-1)
        return gamma + self.offset, beta

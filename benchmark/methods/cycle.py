"""What passes between an adversarial method and its training."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.networks.padding import BACKGROUND

DOMAINS = ("source", "target")

DomainNetworks = nn.ModuleDict
"""Networks of one domain by role: ``generator`` translates its images, ``discriminator`` knows its real ones, ..."""


@dataclass(frozen=True)
class Crops:
    """A training batch of one domain.

    Attributes:
        images: (N, 1, H, W) in [-1, 1].
        labels: (N, H, W), int64.
        kept: (N, 1, H, W), true where pixels count; None is everywhere.
    """

    images: Tensor
    labels: Tensor
    kept: Tensor | None = None

    def keep(self, images: Tensor) -> Tensor:
        """Background wherever pixels of this batch do not count."""
        return images if self.kept is None else torch.where(self.kept, images, BACKGROUND)

    def to(self, device: torch.device) -> "Crops":
        kept = None if self.kept is None else self.kept.to(device)
        return Crops(self.images.to(device), self.labels.to(device), kept)


@dataclass(frozen=True)
class Cycle:
    """One domain's images, translated and translated back."""

    translated: Tensor
    reconstructed: Tensor

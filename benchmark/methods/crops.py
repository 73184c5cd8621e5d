"""A training batch of one domain."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.networks.padding import BACKGROUND


@dataclass(frozen=True)
class Crops:
    """A training batch of one domain.

    Attributes:
        images: (N, 1, H, W) in [-1, 1].
        labels: (N, H, W), int64.
        kept: (N, 1, H, W), true for the pixels that count in means over pixels; None means all.
    """

    images: Tensor
    labels: Tensor
    kept: Tensor | None = None

    def keep(self, images: Tensor) -> Tensor:
        """The images with background where pixels of this batch do not count."""
        return images if self.kept is None else torch.where(self.kept, images, BACKGROUND)

    def to(self, device: torch.device) -> "Crops":
        kept = None if self.kept is None else self.kept.to(device)
        return Crops(self.images.to(device), self.labels.to(device), kept)

    @classmethod
    def joined(cls, batches: Sequence["Crops"]) -> "Crops":
        """The samples of several batches as one batch; all of them say which pixels count, or none does."""
        if len(batches) == 1:
            return batches[0]
        kept = [batch.kept for batch in batches if batch.kept is not None]
        if kept and len(kept) < len(batches):
            raise ValueError("some batches say which pixels count, and others do not")
        images, labels = torch.cat([b.images for b in batches]), torch.cat([b.labels for b in batches])
        return cls(images, labels, torch.cat(kept) if kept else None)


@dataclass(frozen=True)
class Pair:
    """A training batch: crops of both domains, as many of each."""

    source: Crops
    target: Crops

    def to(self, device: torch.device) -> "Pair":
        return Pair(self.source.to(device), self.target.to(device))

    def __getitem__(self, domain: str) -> Crops:
        return self.source if domain == "source" else self.target

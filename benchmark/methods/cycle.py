"""What passes between an adversarial method and its training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.networks.microbatch import MicroBatch
from benchmark.networks.padding import BACKGROUND

DOMAINS = ("source", "target")
OTHER = dict(zip(DOMAINS, DOMAINS[::-1], strict=True))

DomainNetworks = nn.ModuleDict
"""Networks of one domain by role: ``generator`` translates its images, ``discriminator`` knows its real ones, ..."""


@dataclass(frozen=True)
class Kept:
    """The pixels of a batch that count in means over pixels.

    Attributes:
        pixels: (N, 1, H, W), true where they count.
        count: what a sum over them is divided by, so that it is a mean: their number, and in a micro-batch its share of
            the number in the whole batch, so that the means of micro-batches, weighted by their shares, add up to that
            of the batch.
    """

    pixels: Tensor
    count: Tensor

    @classmethod
    def of(cls, pixels: Tensor) -> "Kept":
        """Those of a whole batch."""
        return cls(pixels, pixels.sum())


@dataclass(frozen=True)
class Crops:
    """A training batch of one domain.

    Attributes:
        images: (N, 1, H, W) in [-1, 1].
        labels: (N, H, W), int64.
        kept: the pixels that count; None is all of them.
    """

    images: Tensor
    labels: Tensor
    kept: Kept | None = None

    def keep(self, images: Tensor) -> Tensor:
        """Background wherever pixels of this batch do not count."""
        return images if self.kept is None else torch.where(self.kept.pixels, images, BACKGROUND)

    def to(self, device: torch.device) -> "Crops":
        kept = None if self.kept is None else Kept(self.kept.pixels.to(device), self.kept.count.to(device))
        return Crops(self.images.to(device), self.labels.to(device), kept)

    def part(self, micro: MicroBatch) -> "Crops":
        """The samples of a micro-batch."""
        kept = None if self.kept is None else Kept(self.kept.pixels[micro.samples], self.kept.count * micro.share)
        return Crops(self.images[micro.samples], self.labels[micro.samples], kept)

    @classmethod
    def joined(cls, batches: Sequence["Crops"]) -> "Crops":
        """The samples of several batches as one; which pixels count is said of all of them or of none."""
        images, labels = torch.cat([b.images for b in batches]), torch.cat([b.labels for b in batches])
        each = [b.kept for b in batches if b.kept is not None]
        if not each:
            return cls(images, labels)
        if len(each) < len(batches):
            raise ValueError("some batches say which pixels count, and others do not")
        pixels, count = torch.cat([kept.pixels for kept in each]), torch.stack([kept.count for kept in each]).sum()
        return cls(images, labels, Kept(pixels, count))


@dataclass(frozen=True)
class Cycle:
    """Images, translated and translated back, and what the other domain's discriminator says of the former.

    What a method adds is tensors, too, whose first axis is the samples.
    """

    translated: Tensor
    reconstructed: Tensor
    scores: Tensor

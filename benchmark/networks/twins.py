"""The networks of two domains, which are alike and are trained together."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

DOMAINS = ("source", "target")
OTHER = dict(zip(DOMAINS, DOMAINS[::-1], strict=True))


class Pass(NamedTuple):
    """What goes through the networks before one backward pass.

    Attributes:
        domains: whose images these are: one batch of each, one after the other in the samples.
        here: networks of the images' own domain, by role; of several domains, each sample meets those of its own.
        there: networks of the other domain.
    """

    domains: tuple[str, ...]
    here: nn.ModuleDict
    there: nn.ModuleDict


class Twins(nn.Module):
    """Networks of both domains by role; those of one role have the same architecture.

    Args:
        source: ``generator`` translates images of the source, ``discriminator`` tells real ones from made ones.
        target: the same roles.
        fusible: code that uses a `Pass` only calls the networks, with tensors by position, so that fused ones may stand
            in for them.
    """

    def __init__(
        self, source: Mapping[str, nn.Module], target: Mapping[str, nn.Module], *, fusible: bool = False
    ) -> None:
        super().__init__()
        self.source, self.target = nn.ModuleDict(source), nn.ModuleDict(target)
        self.fusible = fusible

    def __getitem__(self, domain: str) -> nn.ModuleDict:
        """The networks of one domain by role."""
        return {"source": self.source, "target": self.target}[domain]

    def passes(self, images: Tensor) -> list[Pass]:
        """One domain after the other: gradients add up, and half of the graph at a time takes half of the memory.

        Args:
            images: a batch of either domain, (N, 1, H, W); the other domain's is as large.
        """
        return [Pass((here,), self[here], self[OTHER[here]]) for here in DOMAINS]

"""Both directions of a cycle: one after the other, or at once where networks are so small that calls are what costs."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor, nn

from benchmark.methods.base import TaskInfo
from benchmark.methods.cycle import DOMAINS, OTHER, Crops, Cycle, DomainNetworks
from benchmark.networks.fusion import Fused, FusedBatch, can_be_fused

if TYPE_CHECKING:
    from benchmark.methods.adversarial import AdversarialMethod

SMALL = 2**17
"""Numbers of a batch's maps, at the images' size and the first layer's width, up to which fusion pays.

Fused, a step of CycleGAN and the proposed method took, of its time on one core in float32: at width 8 and crops of
64 × 64 0.79 to 0.88, at width 16 0.88 to 0.90, at width 32 and crops of 32 × 32 0.92 to 0.96. At 4 crops of 64 × 64 and
width 32, in bf16, CycleGAN's two generators took 1.03.
"""
WIDEST = 32
"""First layer's width up to which it pays: at 64, the weights are what costs (1.03 to 1.05)."""


def worth_fusing(
    method: "AdversarialMethod", networks: Mapping[str, DomainNetworks], task: TaskInfo, width: int
) -> bool:
    """Whether both directions can go at once, and had better.

    Args:
        method: whose class has to say itself that it is ``fusible``.
        networks: by domain and role.
        task: with the size of a batch.
        width: channels of the first layer.
    """
    rows, columns = task.crop
    return (
        vars(type(method)).get("fusible", False)
        and width <= WIDEST
        and task.batch_size * rows * columns * width <= SMALL
        and all(can_be_fused(network) for roles in networks.values() for network in roles.values())
    )


class Cycles:
    """Cycles of one domain's images after the other's.

    Gradients of the two add up, and half of the graph at a time takes half of the memory.

    Attributes:
        at_once: the domains whose images go through the networks for one backward pass, pass by pass.

    Args:
        networks: by domain and role.
    """

    at_once: ClassVar[tuple[tuple[str, ...], ...]] = (DOMAINS[:1], DOMAINS[1:])

    def __init__(self, networks: Mapping[str, DomainNetworks]) -> None:
        self._networks = networks

    def cycles(self, method: "AdversarialMethod", crops: Mapping[str, Crops]) -> dict[str, Cycle]:
        """What ``method.cycle`` makes of images, for one backward pass.

        Args:
            method: that is trained.
            crops: by domain, of those in one of `at_once`, as many of each.

        Returns:
            By domain.
        """
        return {here: method.cycle(self._networks[here], self._networks[OTHER[here]], crops[here]) for here in crops}

    def scores(self, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What each domain's discriminator makes of images, for one backward pass.

        Args:
            images: by domain, of those in one of `at_once`, (N, 1, H, W), as many of each.

        Returns:
            By domain, (N, 1, H', W').
        """
        return {domain: self._networks[domain]["discriminator"](each) for domain, each in images.items()}


class FusedCycles(Cycles):
    """Cycles of both domains' images in one batch: first the source's samples, then the target's.

    Args:
        networks: all of which can be fused.
    """

    at_once = (DOMAINS,)

    def __init__(self, networks: Mapping[str, DomainNetworks]) -> None:
        super().__init__(networks)
        source, target = (networks[domain] for domain in DOMAINS)
        self._fused = {role: Fused(source[role], target[role]) for role in source}
        self._here, self._there = (
            nn.ModuleDict({role: FusedBatch(fused, crossed=crossed) for role, fused in self._fused.items()})
            for crossed in (False, True)
        )

    def cycles(self, method: "AdversarialMethod", crops: Mapping[str, Crops]) -> dict[str, Cycle]:
        self._renew()
        both = method.cycle(self._here, self._there, Crops.joined([crops[domain] for domain in DOMAINS]))
        values = {field.name: getattr(both, field.name).chunk(2) for field in fields(both)}
        return {
            domain: type(both)(**{name: halves[place] for name, halves in values.items()})
            for place, domain in enumerate(DOMAINS)
        }

    def scores(self, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self._renew()
        scores = self._here["discriminator"](torch.cat([images[domain] for domain in DOMAINS]))
        return dict(zip(DOMAINS, scores.chunk(2), strict=True))

    def _renew(self) -> None:
        for fused in self._fused.values():
            fused.renew()

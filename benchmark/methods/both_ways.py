"""Both directions of a cycle at once, for networks so small that their calls take longer than their arithmetic."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from benchmark.methods.base import TaskInfo
from benchmark.methods.cycle import DOMAINS, Crops, Cycle, DomainNetworks
from benchmark.networks.wide import SideBySide, Wide, can_lie_side_by_side

if TYPE_CHECKING:
    from benchmark.methods.adversarial import AdversarialMethod

SMALL = 2**17
"""Numbers of a batch's maps, at the images' size and the first layer's width, up to which both directions go at once.

Forward and backward of two generators took 0.76 to 0.81 of the time at 2 crops of 64 × 64 and width 8, 0.93 at width
16, and 1.03 to 1.06 at 4 crops and widths 32 and 64 (one core, AVX2, AVX-512 and bf16).
"""


def pays(networks: Mapping[str, DomainNetworks], task: TaskInfo, width: int) -> bool:
    """Whether both directions had better go at once, and can."""
    rows, columns = task.crop
    return task.batch_size * rows * columns * width <= SMALL and all(
        map(can_lie_side_by_side, networks["source"].values())
    )


class BothWays:
    """Cycles of both domains' images, in which a network of one domain works beside its like of the other.

    The first axis of all that a method's ``cycle`` gets and gives is samples: first those of the source, then those of
    the target. Their networks are only half as many calls; each sample meets those that it would meet alone.
    """

    def __init__(self, networks: Mapping[str, DomainNetworks]) -> None:
        source, target = (networks[domain] for domain in DOMAINS)
        self._wide = {role: Wide(source[role], target[role]) for role in source}
        self._here, self._there = (
            nn.ModuleDict({role: SideBySide(wide, crossed=crossed) for role, wide in self._wide.items()})
            for crossed in (False, True)
        )

    def cycles(self, method: "AdversarialMethod", crops: Mapping[str, Crops]) -> dict[str, Cycle]:
        """For each domain what ``method.cycle`` makes of its images."""
        self._renew()
        both = method.cycle(self._here, self._there, Crops.joined([crops[domain] for domain in DOMAINS]))
        values = {field.name: getattr(both, field.name).chunk(2) for field in fields(both)}
        return {
            domain: type(both)(**{name: halves[place] for name, halves in values.items()})
            for place, domain in enumerate(DOMAINS)
        }

    def scores(self, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """For each domain what its discriminator says of these images, (N, 1, H, W), as many of each domain."""
        self._renew()
        scores = self._here["discriminator"](torch.cat([images[domain] for domain in DOMAINS]))
        return dict(zip(DOMAINS, scores.chunk(2), strict=True))

    def _renew(self) -> None:
        for wide in self._wide.values():
            wide.renew()

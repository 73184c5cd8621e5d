"""A recipe with two small networks and two steps."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from benchmark.data.sampling import stream
from benchmark.training.batches import Batches
from benchmark.training.device import make_fabric
from benchmark.training.trainer import Recipe, Step, Term, Trainer

RATES = {"first": 0.1, "second": 0.02}
BETAS = (0.6, 0.9)
SCHEDULE = (2, 3)
FACTORS = (1, 1, 3 / 4, 2 / 4, 1 / 4)
STEPS = len(FACTORS)


@dataclass(frozen=True)
class Numbers:
    """A batch, (2, 3), which is the ``number``-th."""

    number: int
    values: torch.Tensor

    def to(self, device):
        return Numbers(self.number, self.values.to(device))


def batches():
    random, numbers = stream("batches"), stream("numbers")

    def draw():
        return Numbers(int(numbers.integers(2**31)), torch.from_numpy(random.normal(size=(2, 3)).astype(np.float32)))

    return Batches(draw, {}, {"batches": random, "numbers": numbers})


def numbers(count):
    """Of the first batches."""
    drawn = batches()
    return [drawn.next().number for _ in range(count)]


def two_networks():
    torch.manual_seed(0)
    return nn.ModuleDict({name: nn.Linear(3, 1) for name in RATES})


def square(networks, name):
    """A step of one network with one loss."""
    return lambda batch: [[Term(name, 1.0, networks[name](batch.values).square().mean())]]


def recipe(networks, *, first=None, second=None, **changes):
    """Two steps, each of one network; what they minimize can be given."""
    losses = {"first": first or square(networks, "first"), "second": second or square(networks, "second")}
    steps = [
        Step(name, [{"params": networks[name].parameters(), "lr": rate}], BETAS, losses[name])
        for name, rate in RATES.items()
    ]
    return Recipe(**{"network": networks, "batches": batches(), "steps": steps, "schedule": SCHEDULE, **changes})


def trainer(*arguments, precision="32-true", **changes):
    return Trainer(recipe(*arguments, **changes), make_fabric(precision))

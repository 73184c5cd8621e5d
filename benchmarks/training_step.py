"""What one training step of each adversarial method costs, on this machine's GPU or else on its processor.

    python benchmarks/training_step.py [--size demo|paper] [--precision 32-true|bf16-mixed] [--steps N]

Prints a table of milliseconds a step (median), crops a second, and on a GPU the memory that a step takes beside the
weights and what the optimisers keep.
Images are noise, the networks and the objective are those of the benchmark. Step for step the methods take turns, so
that what else the machine does falls on all of them.
"""

import argparse
import time
from dataclasses import dataclass

import numpy as np
import torch

from benchmark.config.base import Schedule
from benchmark.data.sampling import DomainSlices
from benchmark.methods.adversarial import AdversarialMethod
from benchmark.methods.adversarial_training import AdversarialTraining
from benchmark.methods.base import FitContext, TaskInfo, TrainingSet
from benchmark.methods.registry import create
from benchmark.training.device import Precision, make_fabric

METHODS = ("cyclegan", "s_cyclegan", "semgan", "segrenorm")
SIZES = {"demo": (64, 2, 8), "paper": (128, 4, 64)}
"""Side of a crop, batch, channels of the first layer."""
CLASSES = 4
WARM_UP = 3


@dataclass
class Timed:
    """A training and what its steps cost."""

    training: AdversarialTraining
    seconds: list[float]
    peak: int = 0

    def step(self) -> None:
        """One step, from the drawing of the batch to the new weights."""
        cuda = torch.cuda.is_available()
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() if cuda else 0
        begin = time.perf_counter()
        self.training.step(self.training.draw())
        if cuda:
            torch.cuda.synchronize()
            self.peak = max(self.peak, torch.cuda.max_memory_allocated() - before)
        self.seconds.append(time.perf_counter() - begin)


def noise(side: int, random: np.random.Generator) -> DomainSlices:
    """Two subjects of four slices."""
    shape = (4, side + side // 2, side + side // 2)
    images = [random.uniform(-1, 1, shape).astype(np.float32) for _ in range(2)]
    return DomainSlices(images, [random.integers(0, CLASSES, shape).astype(np.uint8) for _ in range(2)])


def prepare(name: str, size: str, precision: Precision) -> Timed:
    """A method about to train."""
    side, batch, width = SIZES[size]
    random = np.random.default_rng(0)
    slices = noise(side, random), noise(side, random)
    task = TaskInfo(
        classes=CLASSES,
        class_weights=(1.0,) * CLASSES,
        label_kind="dense",
        crop=(side, side),
        batch_size=batch,
        slice_shape=(side + side // 2, side + side // 2),
    )
    schedule = Schedule(unit="steps", constant=10_000, decay=0)
    how = FitContext(width=width, schedule=schedule, identity=("benchmark",), precision=precision)
    method, fabric = create(name, {}), make_fabric(precision)
    assert isinstance(method, AdversarialMethod)
    model = method._model = method._make(task, width, fabric.device)
    model.initialize(how.identity, how.initial_std)
    return Timed(AdversarialTraining(method, model.networks, TrainingSet(*slices, task), how, fabric), [])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="demo")
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--steps", type=int, default=10)
    given = parser.parse_args()
    timed = {name: prepare(name, given.size, given.precision) for name in METHODS}
    for _ in range(WARM_UP + given.steps):
        for one in timed.values():
            one.step()
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    side, batch, width = SIZES[given.size]
    print(f"{where}; PyTorch {torch.__version__}; {given.precision}; crops {side} × {side}, batch {batch}, w {width}")
    for name, one in timed.items():
        middle = float(np.median(one.seconds[WARM_UP:]))
        held = f"{one.peak / 2**20:8.0f} MiB" if one.peak else ""
        print(f"{name:12} {1000 * middle:9.1f} ms a step {2 * batch / middle:9.1f} crops/s {held}")


if __name__ == "__main__":
    main()

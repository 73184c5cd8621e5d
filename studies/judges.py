"""Learning curves of the judges, on training subjects alone: whether a config's schedules reach their plateau.

    python -m studies.judges config/standard.yaml [--scanners PL PI SP] [--steps 300 600 1200 2400]

Every fourth training subject of a scanner's first fold is held out. For each number of steps a segmentor is trained on
the others, with the settings of the config but for its schedule: half of its steps have a constant learning rate, half
a falling one. With the config's own number of steps, one is also trained on half of these subjects. Prints the mean
Dice by class, over the subjects that it was trained on and over those held out. Test subjects are not touched.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.config.base import Schedule
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import SliceStore
from benchmark.data.splits import any_pair
from benchmark.judges.segmentor import Segmentor, segmentor_recipe
from benchmark.judges.training import training_subjects
from benchmark.metrics.overlap import confusion, dice
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.pipeline.resolve import load_benchmark
from benchmark.runtime import paths
from benchmark.training.device import make_fabric
from benchmark.training.trainer import Trainer

HELD_OUT = 4
STEPS = (300, 600, 1200, 2400)


def main() -> None:
    """Trains, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path, help="of a benchmark whose slices are prepared")
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS)
    parser.add_argument("--scanners", nargs="+", help="all of the config by default")
    options = parser.parse_args()
    config = load_benchmark(options.config)
    rows: list[dict[str, object]] = []
    for name, use in config.datasets.items():
        data = load_dataset(name)
        used = {domain for pair in use.pairs or data.pairs for domain in pair.split("-")}
        for domain in sorted(used & set(options.scanners or used)):
            for row in curve(config, data, domain, sorted(options.steps)):
                print(row, flush=True)
                rows.append(row)
    print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f"))


def curve(
    config: BenchmarkConfig, data: DatasetConfig, domain: str, steps: Sequence[int]
) -> Iterator[dict[str, object]]:
    """Rows of one scanner."""
    subjects = training_subjects(data, any_pair(data, domain), domain, fold=0)
    held_out, others = subjects[::HELD_OUT], [s for n, s in enumerate(subjects) if n % HELD_OUT]
    own = config.judges.segmentor.schedule
    for count, learned in [*((count, others) for count in steps), (own.constant + own.decay, others[::2])]:
        described = {"dataset": data.name, "scanner": domain, "subjects": len(learned), "steps": count}
        yield described | trained(config, data, domain, learned, held_out, count)


def trained(
    config: BenchmarkConfig,
    data: DatasetConfig,
    domain: str,
    subjects: Sequence[str],
    held_out: Sequence[str],
    steps: int,
) -> dict[str, float]:
    """Mean Dice by class and part after so many steps."""
    store, crops = SliceStore(paths.slices(data.name)), config.datasets[data.name].training or data.training
    schedule = Schedule(unit="steps", constant=steps - steps // 2, decay=steps // 2)
    settings = config.judges.segmentor.model_copy(update={"schedule": schedule})
    fabric, identity = make_fabric(), ("segmentor", data.name, domain, 0)
    recipe = segmentor_recipe(settings, data, crops, DomainSlices.of(store, subjects), identity, fabric.device)
    Trainer(recipe, fabric).run(lambda step, losses: None)
    assert isinstance(recipe.network, SegmentationUNet)
    judge = Segmentor(recipe.network)
    found: dict[str, float] = {}
    for part, chosen in (("trained on", subjects), ("held out", held_out)):
        scores = [dice(confusion(judge.predict(store.image(s)), store.labels(s), data.classes)) for s in chosen]
        means = np.nanmean(scores, axis=0)
        found |= {f"{label}, {part}": float(means[value]) for label, value in data.labels.items()}
    return found


if __name__ == "__main__":
    main()

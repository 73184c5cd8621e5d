"""Whether intervals cover and tests hold their error rate, by simulation with the benchmark's own functions.

    python -m studies.statistics [--repetitions 2000] [--folder results/statistics]

Numbers of subjects are independent draws of a distribution with variance 1; seeds add a normal effect of their own, and
every number a normal rest of 0.3 standard deviations. Prints and leaves two tables: the share of 95 % intervals that
contain the mean, and the share of families of six comparisons without any true difference in which Holm's correction
leaves one significant.
"""

import argparse
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.data.sampling import stream
from benchmark.statistics.compare import SIGNIFICANT
from benchmark.statistics.intervals import Estimate, holm

Numbers = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Numbers]
DISTRIBUTIONS: Mapping[str, Draw] = {
    "normal": lambda random, n: random.normal(size=n),
    "exponential": lambda random, n: random.exponential(size=n) - 1,
    "lognormal": lambda random, n: (random.lognormal(0, 1, n) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e),
    "beta": lambda random, n: (random.beta(8, 2, n) - 0.8) / np.sqrt(16 / 1100),
}
SEEDS = ((1, 0.0), (3, 0.0), (3, 0.3), (3, 1.0))
"""Number of seeds, and the standard deviation between them."""
COVERED = (3, 5, 8, 12, 20, 30)
TESTED = (20, 30)
REST = 0.3
FAMILY = 6


def main() -> None:
    """Simulates and prints."""
    parser = argparse.ArgumentParser(description="Simulate coverage and error rates.")
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=Path("results/statistics"))
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, simulate, subjects in (("coverage", coverage, COVERED), ("family_wise_error", family_error, TESTED)):
        found = {
            (seeds, deviation, distribution): {
                n: 100 * simulate(distribution, n, seeds, deviation, given.repetitions) for n in subjects
            }
            for (seeds, deviation), distribution in product(SEEDS, DISTRIBUTIONS)
            if simulate is coverage or seeds > 1
        }
        table = pd.DataFrame.from_dict(found, orient="index")
        table.index.names = ["seeds", "deviation of seeds", "distribution"]
        table.to_csv(given.folder / f"{name}.csv", float_format="%.1f")
        print(f"{name}, %, by number of subjects\n{table.to_string(float_format='{:.1f}'.format)}\n", flush=True)


def draw(random: np.random.Generator, distribution: str, subjects: int, seeds: int, deviation: float) -> Numbers:
    """(subjects, seeds) with mean 0."""
    own = DISTRIBUTIONS[distribution](random, subjects)[:, None]
    rest = REST * random.normal(size=(subjects, seeds)) if seeds > 1 else 0.0
    return own + deviation * random.normal(size=seeds) + rest


def coverage(distribution: str, subjects: int, seeds: int, deviation: float, repetitions: int) -> float:
    """Share of the intervals that contain the mean."""
    random = stream("coverage", distribution, subjects, seeds, deviation)
    found = (Estimate.of(draw(random, distribution, subjects, seeds, deviation)).interval for _ in range(repetitions))
    return float(np.mean([each.low <= 0 <= each.high for each in found]))


def family_error(distribution: str, subjects: int, seeds: int, deviation: float, repetitions: int) -> float:
    """Share of families with a significant difference where there is none."""
    random = stream("family-wise error", distribution, subjects, seeds, deviation)
    families = (
        [Estimate.of(draw(random, distribution, subjects, seeds, deviation)).p for _ in range(FAMILY)]
        for _ in range(repetitions)
    )
    return float(np.mean([min(holm(family)) < SIGNIFICANT for family in families]))


if __name__ == "__main__":
    main()

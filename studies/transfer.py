"""Whether two benchmarks put the same methods in the same order: a phantom, and the images that it stands for.

    python -m studies.transfer results/standard results/open [--draws 2000] [--folder results/transfer]

Reads ``scores.csv`` and ``leaderboard.csv`` of both folders. Every pair of one benchmark is compared with every pair
of the other by Kendall's τ-b of the methods' means, in the quantity that ranks them and in KID. Controls are left out.

The 95 % interval is of percentiles (bootstrap): test subjects and seeds of either benchmark are drawn anew together,
the same ones for all methods. KID has no numbers of single subjects, so that only seeds are drawn. p is exact: the
share of all orders of the methods whose τ is as far from 0. Even equal orders of few methods are likely by chance; the
least attainable p says how likely.
"""

import argparse
import math
from collections.abc import Mapping
from itertools import combinations, permutations, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.cli.errors import reported_errors
from benchmark.data.sampling import stream
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import primary, quantities
from benchmark.reporting.names import CONTROL
from benchmark.results import scores
from benchmark.runtime.checksums import read_verified
from benchmark.runtime.errors import DataError
from benchmark.statistics.aggregate import Aggregate, Average, Pair, cube
from benchmark.statistics.intervals import mean_over_labels

Numbers = npt.NDArray[np.float64]
Averages = Mapping[str, Average]
"""Of one quantity on one pair, by method."""
ENDS = (2.5, 97.5)


def main() -> None:
    """Compares and prints."""
    parser = argparse.ArgumentParser(description="Compare the order of methods in two benchmarks.")
    parser.add_argument("results", type=Path, nargs=2, help="folders with scores.csv and leaderboard.csv")
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=Path("results/transfer"))
    given = parser.parse_args()
    with reported_errors():
        one, other = given.results
        table = compare(one, other, given.draws)
    given.folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(given.folder / "transfer.csv", index=False)
    print(table.to_string(index=False, float_format="{:.3f}".format))


def compare(one: Path, other: Path, draws: int) -> pd.DataFrame:
    """A row for each two pairs and quantity.

    Args:
        one: folder with ``scores.csv`` and ``leaderboard.csv``.
        other: the same of the other benchmark.
        draws: of the bootstrap.

    Raises:
        DataError: a file is missing or damaged, or there are not two methods in common.
    """
    (first, ranked), (second, others) = _read(one), _read(other)
    methods = sorted(ranked & others)
    if len(methods) < 2:
        remedy = "An order takes two methods that both benchmarks have"
        raise DataError(other, f"has {len(methods)} methods in common with {one}, without controls", remedy)
    rows = []
    for quantity, left, right in product((primary(), quantities()["kid"]), first.pairs, second.pairs):
        found = [
            {m: scored.average(pair, m, quantity) for m in methods} for scored, pair in ((first, left), (second, right))
        ]
        common = [m for m in methods if all(averages[m].there for averages in found)]
        if len(common) > 1:
            a, b = ({m: averages[m] for m in common} for averages in found)
            rows.append({"pair": _name(left), "other pair": _name(right), **_order(quantity, a, b, draws)})
    return pd.DataFrame(rows)


def _read(folder: Path) -> tuple[Aggregate, set[str]]:
    """The scores, and the methods that are no controls."""
    table, board = scores.read(folder / "scores.csv"), pd.read_csv(read_verified(folder / "leaderboard.csv"))
    return Aggregate(table), set(board.loc[board["kind"] != CONTROL, "method"])


def _name(pair: Pair) -> str:
    dataset, source, target = pair
    return f"{dataset} {source}-{target}"


def _order(quantity: Quantity, one: Averages, other: Averages, draws: int) -> dict[str, object]:
    from scipy.stats import kendalltau

    means = [np.array([average.mean for average in averages.values()]) for averages in (one, other)]
    p, least = exact(*means)
    low, high = _interval(one, other, draws)
    return {
        "quantity": quantity.name,
        "methods": len(one),
        "tau": float(kendalltau(*means).statistic),
        "low": low,
        "high": high,
        "p": p,
        "least p": least,
    }


def exact(one: Numbers, other: Numbers) -> tuple[float, float]:
    """Two-sided p of Kendall's τ-b over all orders of the methods, and the least p that these numbers could give.

    Args:
        one: a number of each method.
        other: the same methods in the other benchmark.
    """
    first, second = np.array(list(combinations(range(len(one)), 2))).T
    signs = np.sign(one[first] - one[second])
    orders = np.array(list(permutations(other)))
    # The denominator of τ-b is the same for all orders.
    concordance = np.abs(np.sign(orders[:, first] - orders[:, second]) @ signs)
    observed = abs(float(np.sign(other[first] - other[second]) @ signs))
    return float((concordance >= observed).mean()), float((concordance == concordance.max()).mean())


def _interval(one: Averages, other: Averages, draws: int) -> tuple[float, float]:
    """Ends of the 95 % interval of τ; NaN where nothing can be drawn anew."""
    from scipy.stats import kendalltau

    drawn = [_drawn(averages, draws, side) for side, averages in enumerate((one, other))]
    if not any(np.ptp(means, axis=0).any() for means in drawn):
        return math.nan, math.nan
    found = [kendalltau(*pair).statistic for pair in zip(*drawn, strict=True)]
    low, high = np.nanpercentile(found, ENDS)
    return float(low), float(high)


def _drawn(averages: Averages, draws: int, side: int) -> Numbers:
    """Means of subjects and seeds that are drawn with replacement, (draws, methods)."""
    random = stream("transfer", side)
    subjects = sorted({subject for average in averages.values() for subject in average.values.index})
    tables = [_table(average, subjects) for average in averages.values()]
    seeds = max(table.shape[1] for table in tables)
    means = []
    for _ in range(draws):
        rows, columns = random.integers(len(subjects), size=len(subjects)), random.random(seeds)
        means.append([_mean(table, rows, columns) for table in tables])
    return np.array(means)


def _table(average: Average, subjects: list[str]) -> Numbers:
    """Numbers of a method as (subjects, seeds, labels); each seed's for all where there are none of subjects."""
    if average.by_subject:
        return cube(average.values.reindex(subjects))
    return np.broadcast_to(average.by_seed.to_numpy()[None, :, None], (len(subjects), len(average.by_seed), 1))


def _mean(table: Numbers, rows: npt.NDArray[np.int64], uniform: Numbers) -> float:
    """The mean over drawn subjects and seeds.

    Args:
        uniform: a number in [0, 1) for each seed to draw, so that methods of as many seeds draw the same ones.
    """
    own = table.shape[1]
    drawn = table[rows][:, (uniform[:own] * own).astype(int)]
    there = ~np.isnan(drawn)
    by_subject = np.where(there, drawn, 0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan)
    return mean_over_labels(by_subject)


if __name__ == "__main__":
    main()

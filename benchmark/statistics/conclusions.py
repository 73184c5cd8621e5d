"""Whether a second run of a benchmark supports what the first one showed, where rounding made its trainings others."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.metrics.base import Quantity
from benchmark.statistics.aggregate import Aggregate, Average, Pair
from benchmark.statistics.compare import differ, significant
from benchmark.statistics.intervals import CONFIDENCE, Interval

Basis = Literal["test", "interval", "seeds", "none"]
NO_NUMBER = "has no number in the run"


@dataclass(frozen=True)
class Conclusion:
    """One conclusion of the reference, and what the run says of it.

    Attributes:
        other: the method that ``method`` is compared with; empty where the mean itself is the conclusion.
        reference: the difference, or the mean; ``now`` is that of the run.
        low: end of the interval that holds the run's mean; NaN, as ``high``, for a difference.
        basis: a significant difference; one whose interval excludes 0 where nothing is tested; a mean within its
            interval over seeds; or a mean without such an interval, which is not checked.
        fault: what the run contradicts; empty if nothing.
    """

    dataset: str
    source: str
    target: str
    metric: str
    method: str
    other: str
    reference: float
    now: float
    basis: Basis
    low: float = math.nan
    high: float = math.nan
    fault: str = ""


def conclusions(
    reference: Aggregate, run: Aggregate, config: BenchmarkConfig, quantities: Sequence[Quantity]
) -> pd.DataFrame:
    """The reference's conclusions: signs of differences between methods, and means.

    A significant difference must keep its sign. Where nothing is tested, a difference whose interval excludes 0 must
    not have an interval on the other side of 0. A mean must lie within its interval over seeds, of which all together
    hold a rerun with 95 % (Bonferroni).

    Args:
        quantities: of which conclusions are drawn, as far as ``across_runs`` of each allows.

    Returns:
        A row for each; columns are the fields of ``Conclusion``.
    """
    found: list[Conclusion] = []
    means: list[tuple[Pair, Quantity, dict[str, Average], dict[str, Average]]] = []
    for pair in reference.pairs:
        for quantity in quantities:
            old, new = (
                {m: number for m in config.methods if (number := scores.average(pair, m, quantity)).there}
                for scores in (reference, run)
            )
            found += _signs(pair, quantity, old, new, config)
            if quantity.across_runs == "all":
                means.append((pair, quantity, old, new))
    count = sum(len(old) for _, _, old, _ in means)
    for pair, quantity, old, new in means:
        found += _means(pair, quantity, old, new, config, count)
    return pd.DataFrame([asdict(one) for one in found], columns=[field.name for field in fields(Conclusion)])


def _signs(
    pair: Pair, quantity: Quantity, old: Mapping[str, Average], new: Mapping[str, Average], config: BenchmarkConfig
) -> Iterator[Conclusion]:
    """Signs of differences between two methods."""
    before, now = _differences(old, config), _differences(new, config)
    for (one, other), (basis, difference) in before.items():
        if basis == "none":
            continue
        then, again = now.get((one, other), ("none", Interval(math.nan, math.nan, math.nan)))
        fault = ""
        if math.isnan(again.mean):
            fault = NO_NUMBER
        elif difference.mean * again.mean < 0 and (basis == "test" or then != "none"):
            fault = "has the other sign" + (", and is clear there too" if then != "none" else "")
        yield Conclusion(*pair, quantity.name, one, other, difference.mean, again.mean, basis, fault=fault)


def _differences(
    there: Mapping[str, Average], config: BenchmarkConfig
) -> dict[tuple[str, str], tuple[Basis, Interval]]:
    """The difference of each two methods, and what tells them apart, if anything does."""
    pairs = list(combinations(there, 2))
    differences = [differ(there, config, *pair) for pair in pairs]
    found: dict[tuple[str, str], tuple[Basis, Interval]] = {}
    for pair, difference, told in zip(pairs, differences, significant(differences), strict=True):
        apart = told or (difference.note and difference.interval.apart_from_zero)
        tested = told and not math.isnan(difference.p)
        found[pair] = ("test" if tested else "interval" if apart else "none"), difference.interval
    return found


def _means(
    pair: Pair,
    quantity: Quantity,
    old: Mapping[str, Average],
    new: Mapping[str, Average],
    config: BenchmarkConfig,
    count: int,
) -> Iterator[Conclusion]:
    """Means of methods, each in an interval for the mean of as many other seeds, at a level for ``count`` means.

    The spread over seeds is that of all trained methods together, or the method's own where that is larger. Judges
    change with the kernels, too: so the interval is also that of methods that draw nothing.
    """
    from scipy.special import stdtrit

    trained = [old[m] for m in old if config.is_trained(m)]
    freedom = np.array([len(average.by_seed) - 1 for average in trained if len(average.by_seed) > 1])
    spreads = np.array([average.seed_sd for average in trained if len(average.by_seed) > 1])
    pooled = math.sqrt((freedom * spreads**2).sum() / freedom.sum()) if len(freedom) else 0.0
    for method, average in old.items():
        now = new[method].mean if method in new else math.nan
        low = high = math.nan
        if pooled > 0:
            quantile = float(stdtrit(freedom.sum(), 1 - (1 - CONFIDENCE) / 2 / count))
            half = quantile * max(pooled, np.nan_to_num(average.seed_sd)) * math.sqrt(2 / (freedom.max() + 1))
            low, high = average.mean - half, average.mean + half
        fault = NO_NUMBER if math.isnan(now) else "is beyond its interval over seeds" if now < low or now > high else ""
        basis: Basis = "seeds" if pooled > 0 or fault else "none"
        yield Conclusion(*pair, quantity.name, method, "", average.mean, now, basis, low, high, fault)

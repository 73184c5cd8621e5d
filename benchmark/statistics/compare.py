"""Paired differences between methods: of the proposed one to every other (Table VII), and of all to the best."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.metrics.registry import quantities
from benchmark.results.scores import ALL
from benchmark.statistics.aggregate import Aggregate, Average, cube
from benchmark.statistics.intervals import (
    ENOUGH_SEEDS,
    ENOUGH_SUBJECTS,
    FEWEST_SUBJECTS,
    Estimate,
    Interval,
    crossed,
    holm,
    mean_over_labels,
)

SIGNIFICANT = 0.05
NO_INTERVAL = "the score has no interval over subjects"
FAMILY = ["dataset", "source", "target", "metric", "label"]
"""Holm's correction is over the methods within one of these."""


@dataclass(frozen=True)
class Difference:
    """One method minus another, subject by subject and seed by seed.

    Attributes:
        subjects: with a number of both methods; of a score of no single subject, all test subjects.
        interval: 95 % interval of the mean difference, or wider.
        p: NaN where nothing is tested, and for a score of no single subject, which its interval alone tells from 0.
        note: why there is no test; empty where there is one.
    """

    subjects: int
    interval: Interval
    p: float = math.nan
    note: str = ""


def difference(one: Average, other: Average, trained: Sequence[Average]) -> Difference:
    """The difference of two averages of one quantity on one pair.

    Args:
        trained: those of the two that are of trained methods. What draws nothing has one seed, and differs from every
            training of the other method.
    """
    if not one.by_subject:
        return _of_intervals(one, other, trained)
    left, right = one.values, other.values
    seeds = [set(values.columns.unique("seed")) for values in (left, right)]
    common = max(seeds, key=len) if min(map(len, seeds)) == 1 else seeds[0] & seeds[1]
    left, right = (_with_seeds(values, common) for values in (left, right))
    values = (left - right).dropna(how="all").dropna(axis=1, how="all")
    count = len(values)
    if not count:
        return Difference(0, Interval(math.nan, math.nan, math.nan), note="no subject has a number of both methods")
    mean = mean_over_labels(values.T.groupby(level="label").mean().T.to_numpy())
    if count < FEWEST_SUBJECTS:
        note = f"with fewer than {FEWEST_SUBJECTS} subjects there is no interval and no test"
        return Difference(count, Interval(mean, math.nan, math.nan), note=note)
    estimate, note = Estimate.of(crossed(cube(values), mean)), _too_few(count, trained)
    return Difference(count, estimate.interval, math.nan if note else estimate.p, note)


def _of_intervals(one: Average, other: Average, trained: Sequence[Average]) -> Difference:
    """The difference of two numbers that have intervals of their own, as wide as both allow.

    Methods are scored on the same subjects, and the errors of their numbers are correlated to a degree that only the
    numbers of single subjects would show. The error of a difference is at most the sum of both errors.
    """
    low, high = one.interval.low - other.interval.high, one.interval.high - other.interval.low
    if not (one.there and other.there):
        note = "no number of both methods"
    else:
        note = NO_INTERVAL if math.isnan(low) else _too_few(one.subjects, trained)
    return Difference(one.subjects, Interval(one.mean - other.mean, low, high), note=note)


def _too_few(subjects: int, trained: Sequence[Average]) -> str:
    """Why there is no test; empty where there is one."""
    if subjects < ENOUGH_SUBJECTS:
        return f"a test needs {ENOUGH_SUBJECTS} subjects; there are {subjects}"
    if min((len(average.by_seed) for average in trained), default=ENOUGH_SEEDS) < ENOUGH_SEEDS:
        return f"a test needs {ENOUGH_SEEDS} seeds, or trainings count as if they had no chance in them"
    return ""


def _with_seeds(values: pd.DataFrame, seeds: set[Any]) -> pd.DataFrame:
    """The columns of these seeds; those of a single seed count for each."""
    own = values.columns.unique("seed")
    if len(own) > 1:
        return values.loc[:, values.columns.isin(seeds, level="seed")]
    labels = values.columns.get_level_values("label")
    columns = pd.MultiIndex.from_product([labels, sorted(seeds)], names=["label", "seed"])
    return pd.DataFrame(values.to_numpy().repeat(len(seeds), axis=1), values.index, columns)


@dataclass(frozen=True)
class Comparison:
    """One row of the table: the proposed method against another.

    Attributes:
        subjects: number of subjects with a number of both methods.
        difference: mean over subjects of proposed minus method, with its 95 % interval.
        p: of the mean difference; ``p_holm`` is corrected over the methods.
        significant: empty where nothing is tested; ``note`` then says why.
    """

    dataset: str
    source: str
    target: str
    metric: str
    label: str
    better: str
    method: str
    subjects: int = 0
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    p_holm: float = math.nan
    significant: Literal["yes", "no", ""] = ""
    note: str = ""


def compare(scores: Aggregate, config: BenchmarkConfig) -> pd.DataFrame:
    """Paired differences of every headline quantity with numbers by subject.

    Returns:
        A row for each dataset, pair, quantity, label and other method; columns are the fields of ``Comparison``.
    """
    headline = {name: q for name, q in quantities().items() if q.headline}
    rows = scores.table
    rows = rows[(rows["subject"] != ALL) & rows["metric"].isin(list(headline)) & (rows["status"] == "ok")]
    found: list[Comparison] = []
    for dataset, source, target, metric, label in sorted(rows[FAMILY].drop_duplicates().itertuples(index=False)):
        quantity = headline[metric]
        averages = {m: scores.average((dataset, source, target), m, quantity, label) for m in config.methods}
        family = []
        for method in config.methods:
            if method != config.proposed:
                row = Comparison(dataset, source, target, metric, label, quantity.better, method)
                family.append(_filled(row, differ(averages, config, config.proposed, method)))
        found += _corrected(family)
    return pd.DataFrame([asdict(row) for row in found], columns=[field.name for field in fields(Comparison)])


def significant(found: Sequence[Difference]) -> list[bool]:
    """Which differences of one family are significant, with Holm's correction over those tested.

    A difference without p is where its interval is apart from 0.
    """
    tested = iter(holm([each.p for each in found if not math.isnan(each.p)]))
    return [
        not each.note and (each.interval.apart_from_zero if math.isnan(each.p) else next(tested) < SIGNIFICANT)
        for each in found
    ]


def differ(averages: Mapping[str, Average], config: BenchmarkConfig, one: str, other: str) -> Difference:
    """The difference of two methods' averages of one quantity on one pair."""
    return difference(averages[one], averages[other], [averages[m] for m in (one, other) if config.is_trained(m)])


def _filled(row: Comparison, found: Difference) -> Comparison:
    mean, low, high = found.interval.mean, found.interval.low, found.interval.high
    return replace(row, subjects=found.subjects, difference=mean, low=low, high=high, p=found.p, note=found.note)


def _corrected(rows: Sequence[Comparison]) -> list[Comparison]:
    """The rows with Holm's p-values over those tested, and their verdicts."""
    tested = [row for row in rows if not row.note]
    corrected = dict(zip([row.method for row in tested], holm([row.p for row in tested]), strict=True))
    return [
        replace(row, p_holm=p, significant="yes" if p < SIGNIFICANT else "no")
        if (p := corrected.get(row.method)) is not None
        else row
        for row in rows
    ]

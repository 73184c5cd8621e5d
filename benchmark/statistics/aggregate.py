"""The one place where scores become averages: leaderboard, tables, figures and tests take their numbers from here."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import primary, shown_in
from benchmark.results.scores import ALL, REFERENCES, TARGET_ON_TARGET
from benchmark.statistics.intervals import (
    ENOUGH_SUBJECTS,
    FEWEST_SUBJECTS,
    Estimate,
    Interval,
    crossed,
    mean_over_labels,
)

PAIR = ["dataset", "source", "target"]
NOT_WRITTEN = "no score was written"
NOT_POOLED = "single folds have a number, all together have none"
Pair = tuple[str, str, str]
"""Dataset, source and target."""


@dataclass(frozen=True)
class Average:
    """One quantity of one method on one pair, for one label or over all.

    Seeds are averaged first, then units, then labels. A unit is a test subject, those of all folds together, or a fold
    for scores of no single subject. A quantity with a ``pool`` is computed from all folds of each seed, then averaged
    over seeds.

    Attributes:
        mean: NaN where there is no number.
        values: numbers with units down, labels and seeds across; empty for a pooled quantity.
        by_seed: the number of each seed that has one.
        by_subject: whether units are test subjects.
        spread: what the quantity's ``spread`` computes; NaN without one.
        ends: of the interval that the quantity itself computes, widened by how seeds vary; NaN without one.
        n: units that have a number; those of the quantity that a pooled one is from.
        total: all units.
        unit: what both count.
        subjects: test subjects of the pair's source.
        reasons: why numbers are missing, each with its count of subjects.
        bounds: of the quantity; an interval ends there.
    """

    mean: float
    values: pd.DataFrame
    by_seed: pd.Series
    by_subject: bool
    spread: float
    ends: tuple[float, float]
    n: int
    total: int
    unit: Literal["subject", "fold"]
    subjects: int
    reasons: tuple[str, ...]
    bounds: tuple[float, float]

    @property
    def units(self) -> pd.DataFrame:
        """Numbers with units down and labels across, averaged over seeds."""
        return self.values.T.groupby(level="label").mean().T

    @property
    def sd(self) -> float:
        """Standard deviation over units (n - 1); NaN for fewer than two."""
        return float(self.units.mean(axis=1).std(ddof=1))

    @property
    def seed_sd(self) -> float:
        """Standard deviation over seeds (n - 1); NaN for fewer than two."""
        return float(self.by_seed.std(ddof=1))

    @property
    def there(self) -> bool:
        return self.n > 0

    @property
    def complete(self) -> bool:
        return self.n == self.total and not self.reasons

    @cached_property
    def interval(self) -> Interval:
        """95 % interval of the mean over subjects and seeds, or the quantity's own; without ends where neither is."""
        if not self.by_subject:
            return Interval(self.mean, *self.ends)
        if len(self.values) < FEWEST_SUBJECTS:
            return Interval(self.mean, math.nan, math.nan)
        return _within(Estimate.of(crossed(cube(self.values), self.mean)).interval, self.bounds)

    def doubtful(self, trained: bool) -> bool:
        """Whether an interval of the mean may be too narrow: of few subjects, or of one seed of a trained method."""
        return self.subjects < ENOUGH_SUBJECTS or (trained and len(self.by_seed) < 2)


@dataclass(frozen=True)
class Unfit:
    """Why a judge of a pair is unfit.

    Attributes:
        quantity: that says so; it is of the same judge as other quantities of its metric.
    """

    quantity: Quantity
    reason: str


class Aggregate:
    """Averages of a tidy table of scores.

    Attributes:
        table: the scores.
        pairs: their rows by pair.
        by_subject: names of the quantities that have numbers of single subjects.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        self._methods = {tuple(map(str, key)): rows for key, rows in table.groupby([*PAIR, "method"])}
        self.pairs: dict[Pair, pd.DataFrame] = dict(iter(table.groupby(PAIR)))  # type: ignore[arg-type]
        named = table[table["subject"] != ALL]
        self.by_subject = frozenset(named["metric"])
        self._subjects = named[named["method"] != TARGET_ON_TARGET].groupby(PAIR)["subject"].nunique().to_dict()

    def subjects(self, pair: Pair) -> int:
        """Number of test subjects of the pair's source, over all folds."""
        return int(self._subjects.get(pair, 0))

    def average(self, pair: Pair, method: str, quantity: Quantity, label: str | None = None) -> Average:
        """The average of a quantity.

        Args:
            label: a class or noise level, or "" for scores without one; None averages over all labels.
        """
        own = self._rows(pair, method, label)
        references = pd.concat([self._rows(pair, name, label) for name in REFERENCES])
        good, references = own[own["status"] == "ok"], references[references["status"] == "ok"]
        rows = quantity.rows(own)
        counted = quantity.pooled_from or quantity
        unit: Literal["subject", "fold"] = "subject" if counted.name in self.by_subject else "fold"

        def value(part: pd.DataFrame) -> float:
            return quantity.pool(part, references) if quantity.pool else _mean(quantity.by(unit, part))

        units = counted.by(unit, good)
        numbers = quantity.rows(good).groupby([unit, "label", "seed"])["value"].mean()
        values = numbers.unstack(["label", "seed"]).sort_index(axis=1)
        by_seed = pd.Series({seed: value(part) for seed, part in good.groupby("seed")}, dtype=float).dropna()
        mean, n = _mean(units), len(units)
        if quantity.pool:
            # All folds together can have a number that single folds lack.
            mean, n = float(by_seed.mean()), n if len(by_seed) else 0
            values, rows = values.iloc[:0], rows[rows["status"] == "failed"] if n else rows
        reasons = _reasons(rows)
        if not n and not reasons:
            reasons = (NOT_POOLED if len(rows) else NOT_WRITTEN,)
        ends = quantity.interval(good) if quantity.interval else (math.nan, math.nan)
        widened = _within(Interval(mean, *ends).widened(np.asarray(by_seed, np.float64)), quantity.bounds)
        return Average(
            mean=mean,
            values=values,
            by_seed=by_seed,
            by_subject=quantity.name in self.by_subject,
            spread=quantity.spread(good) if quantity.spread else math.nan,
            ends=(widened.low, widened.high),
            n=n,
            total=self._total(pair, method, rows, unit),
            unit=unit,
            subjects=self.subjects(pair),
            reasons=reasons,
            bounds=quantity.bounds,
        )

    def contends(self, pair: Pair, method: str, quantity: Quantity, config: BenchmarkConfig) -> bool:
        """Whether a number can be the best (see ``Quantity.bold``); that of a control or of real images cannot."""
        card = config.cards.get(method)
        if quantity.bold == "never" or method in REFERENCES or (card and card.kind == "control"):
            return False
        return quantity.bold == "best" or not self.below(pair, method, config)

    def unfit(self, pair: Pair, config: BenchmarkConfig) -> list[Unfit]:
        """What makes judges of a pair unfit."""
        methods = set(self.pairs[pair]["method"]) - set(REFERENCES) if pair in self.pairs else set()
        found = [
            Unfit(q, q.title)
            for q in shown_in("unfit pairs")
            if any(self.average(pair, m, q, "").mean == 1 for m in methods)
        ]
        ranking = primary()
        own = self.average(pair, TARGET_ON_TARGET, ranking)
        for name in config.ceilings:
            truth = self.average(pair, name, ranking)
            low, high = sorted((own, truth), key=lambda each: each.mean)
            # Of different subjects: the interval of the difference has the arms of both.
            arm = math.hypot(low.interval.high - low.mean, high.mean - high.interval.low)
            if high.mean - low.mean > arm:
                reason = f"{ranking.title} of the target's segmentor is {own.mean:.2f} on the target's own images and "
                reason += f"{truth.mean:.2f} on true images of source subjects, which intervals do not explain"
                found.append(Unfit(ranking, reason))
        return found

    def ranks(self, pair: Pair, config: BenchmarkConfig) -> bool:
        """Whether the pair's judges may rank methods by the primary quantity."""
        return all(each.quantity != primary() for each in self.unfit(pair, config))

    def below(self, pair: Pair, method: str, config: BenchmarkConfig) -> bool:
        """Whether a method is worse than no harmonization by the primary quantity; not where a number is missing."""
        ranking = primary()
        own, *floors = (ranking.shortfall(self.average(pair, m, ranking).mean) for m in (method, *config.floors))
        return any(own > floor for floor in floors)

    def trainings(self, pair: Pair, method: str, quantity: Quantity) -> pd.Series:
        """The mean over subjects of each training, by fold and seed."""
        own = quantity.rows(self._rows(pair, method, None))
        return own[own["status"] == "ok"].groupby(["fold", "seed"])["value"].mean()

    def _rows(self, pair: Pair, method: str, label: str | None) -> pd.DataFrame:
        """Scores of a method on a pair; rows without a label say why a whole cell has no number."""
        rows = self._methods.get((*pair, method), self.table.iloc[:0])
        return rows if label is None else rows[rows["label"].isin([label, ""])]

    def _total(self, pair: Pair, method: str, rows: pd.DataFrame, unit: str) -> int:
        if unit == "fold":
            return self.pairs[pair]["fold"].nunique() if pair in self.pairs else 0
        # Reference rows are scored on subjects of their own.
        if method in REFERENCES:
            return rows.loc[rows["subject"] != ALL, "subject"].nunique()
        return self.subjects(pair)


def _within(interval: Interval, bounds: tuple[float, float]) -> Interval:
    low, high = bounds
    # NaN stays NaN.
    return Interval(interval.mean, float(np.maximum(interval.low, low)), float(np.minimum(interval.high, high)))


def cube(values: pd.DataFrame) -> npt.NDArray[np.float64]:
    """A table with subjects down, labels and seeds across, as (subjects, seeds, labels) with NaN for gaps."""
    labels, seeds = (values.columns.unique(level) for level in ("label", "seed"))
    whole = values.reindex(columns=pd.MultiIndex.from_product([labels, seeds], names=["label", "seed"]))
    return whole.to_numpy().reshape(len(values), len(labels), len(seeds)).swapaxes(1, 2)


def _mean(units: pd.DataFrame) -> float:
    return mean_over_labels(units.to_numpy()) if len(units) else math.nan


def _reasons(rows: pd.DataFrame) -> tuple[str, ...]:
    bad = rows[rows["status"] != "ok"]
    found = []
    for (status, reason), group in bad.groupby(["status", "reason"], sort=False):
        subjects = group.loc[group["subject"] != ALL, "subject"].nunique()
        where = f" ({subjects} subject{'s' * (subjects != 1)})" if subjects else ""
        found.append(f"{status}{where}: {reason}")
    return tuple(found)

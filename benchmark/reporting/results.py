"""The scores of a benchmark as reports aggregate them: over seeds, then over subjects, with coverage."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.reporting.names import EXTERNAL, MethodCard, method_cards
from benchmark.reporting.scope import Pair, datasets, pairs
from benchmark.results import scores
from benchmark.runtime import paths
from benchmark.statistics.averages import POOLED

NOT_WRITTEN = "no score was written"
WHERE = ["dataset", "source", "target", "method", "metric"]


@dataclass(frozen=True)
class Summary:
    """A number of a table and how much stands behind it.

    Attributes:
        mean: mean over units; NaN where there is none. A unit is a test subject, or a fold for a score over no
            single subject. Seeds are averaged within each unit first. Ratios and agreements are not averaged over
            folds but taken of all folds together (``benchmark.statistics.averages.POOLED``).
        sd: standard deviation over units (n - 1); NaN for fewer than two.
        seed_sd: standard deviation over seeds of the mean over units; NaN for fewer than two seeds.
        n: units that have a number.
        total: units that there are.
        reasons: why numbers are missing, each with its count of units.
    """

    mean: float
    sd: float
    seed_sd: float
    n: int
    total: int
    reasons: tuple[str, ...]

    @property
    def there(self) -> bool:
        return self.n > 0

    @property
    def complete(self) -> bool:
        return self.n == self.total and not self.reasons


@dataclass(frozen=True)
class Results:
    """A benchmark with its scores.

    Attributes:
        table: the tidy table of ``benchmark.results.scores``.
    """

    config: BenchmarkConfig
    table: pd.DataFrame

    @classmethod
    def load(cls, config: BenchmarkConfig) -> "Results":
        """Reads the benchmark's gathered scores.

        Raises:
            DataError: missing or malformed.
        """
        return cls(config, scores.read(paths.scores(config.benchmark)))

    @cached_property
    def datasets(self) -> list[DatasetConfig]:
        return datasets(self.config)

    @cached_property
    def pairs(self) -> list[Pair]:
        return pairs(self.config)

    def dataset(self, name: str) -> DatasetConfig:
        return next(d for d in self.datasets if d.name == name)

    def pairs_of(self, dataset: str) -> list[Pair]:
        return [p for p in self.pairs if p.dataset.name == dataset]

    def pair(self, dataset: str, name: str) -> Pair:
        return next(p for p in self.pairs_of(dataset) if p.name == name)

    @cached_property
    def methods(self) -> list[MethodCard]:
        """Every method of the config and every external one that was scored."""
        return method_cards(self.config, set(self.table["method"]))

    @cached_property
    def shown_methods(self) -> list[MethodCard]:
        """Methods whose images are here: all but those that somebody else ran."""
        return [m for m in self.methods if m.kind != EXTERNAL]

    @cached_property
    def _groups(self) -> dict[tuple[str, ...], pd.DataFrame]:
        return {tuple(map(str, key)): rows for key, rows in self.table.groupby(WHERE, sort=False)}

    @cached_property
    def _test_subjects(self) -> dict[tuple[str, str, str], frozenset[str]]:
        """Test subjects of each pair whose images the methods harmonize, from every row that names one."""
        rows = self.table[~self.table["subject"].eq(scores.ALL) & ~self.table["method"].isin(scores.REFERENCES)]
        groups = rows.groupby(["dataset", "source", "target"])["subject"]
        return {tuple(key): frozenset(found) for key, found in groups}  # type: ignore[misc]

    def test_subjects(self, pair: Pair) -> int:
        """Number of the pair's test subjects over all folds."""
        return len(self._test_subjects.get((pair.dataset.name, pair.source, pair.target), ()))

    def rows(self, pair: Pair, method: str, metric: str, label: str = "") -> pd.DataFrame:
        """Rows of one quantity, with those that say why a whole cell has none of it, whatever its labels."""
        found = self._groups.get((pair.dataset.name, pair.source, pair.target, method, metric))
        if found is None:
            return self.table.iloc[:0]
        whole_cell = found["label"].eq("") & found["status"].ne("ok")
        return found[found["label"].eq(label) | whole_cell]

    def labels(self, metric: str) -> list[str]:
        """Labels under which a metric was written anywhere."""
        return sorted(set(self.table.loc[self.table["metric"].eq(metric), "label"]))

    def values(self, pair: Pair, method: str, metric: str) -> npt.NDArray[np.float64]:
        """Every number of a quantity, over whatever they are."""
        rows = self.rows(pair, method, metric)
        return rows.loc[rows["status"].eq("ok"), "value"].to_numpy(np.float64)

    def by_unit(self, pair: Pair, method: str, metric: str, label: str = "") -> pd.Series:
        """One number for each unit (subject, or fold for scores over no subject), seeds averaged."""
        rows = self.rows(pair, method, metric, label)
        rows = rows[rows["status"].eq("ok")]
        return rows.groupby(_unit(rows))["value"].mean()

    def summary(self, pair: Pair, method: str, metric: str, label: str = "") -> Summary:
        """Mean over seeds, then over subjects or folds, with coverage and the reasons for what is missing."""
        if metric in POOLED:
            return self._pooled(pair, method, metric, label)
        rows = self.rows(pair, method, metric, label)
        units = self.by_unit(pair, method, metric, label)
        by_seed = rows[rows["status"].eq("ok")].groupby("seed")["value"].mean()
        return Summary(
            mean=float(units.mean()),
            sd=float(units.std(ddof=1)),
            seed_sd=float(by_seed.std(ddof=1)),
            n=len(units),
            total=self._total(pair, method, metric, rows),
            reasons=_reasons(rows) if len(rows) else (NOT_WRITTEN,),
        )

    def _pooled(self, pair: Pair, method: str, metric: str, label: str) -> Summary:
        """A number of all folds together, which may exist where single folds have none."""
        own, reference = (self._ok_of_label(pair, name, label) for name in (method, scores.SOURCE_ON_SOURCE))
        found = {seed: POOLED[metric](rows, reference) for seed, rows in own.groupby("seed")}
        by_seed = pd.Series(found, dtype=float).dropna()
        rows = self.rows(pair, method, metric, label)
        return Summary(
            mean=float(by_seed.mean()),
            sd=math.nan,
            seed_sd=float(by_seed.std(ddof=1)),
            n=own["fold"].nunique() if len(by_seed) else 0,
            total=len(pair.folds),
            reasons=_reasons(rows[rows["status"].eq("failed")]) if len(by_seed) else _reasons(rows) or (NOT_WRITTEN,),
        )

    def _ok_of_label(self, pair: Pair, method: str, label: str) -> pd.DataFrame:
        rows = self.table
        where = rows["dataset"].eq(pair.dataset.name) & rows["source"].eq(pair.source) & rows["target"].eq(pair.target)
        return rows[where & rows["method"].eq(method) & rows["status"].eq("ok") & rows["label"].isin([label, ""])]

    def _total(self, pair: Pair, method: str, metric: str, rows: pd.DataFrame) -> int:
        if metric not in self._subject_metrics:
            return len(pair.folds)
        # The reference rows are scored on subjects of their own: those of the target, for one.
        if method in scores.REFERENCES:
            return rows.loc[rows["subject"].ne(scores.ALL), "subject"].nunique()
        return self.test_subjects(pair)

    @cached_property
    def _subject_metrics(self) -> frozenset[str]:
        return frozenset(self.table.loc[self.table["subject"].ne(scores.ALL), "metric"])


def _unit(rows: pd.DataFrame) -> pd.Series:
    return rows["subject"].where(rows["subject"].ne(scores.ALL), "fold " + rows["fold"].astype(str))


def _reasons(rows: pd.DataFrame) -> tuple[str, ...]:
    bad = rows[rows["status"].ne("ok")]
    found = []
    for (status, reason), group in bad.groupby(["status", "reason"], sort=False):
        subjects = group.loc[group["subject"].ne(scores.ALL), "subject"].nunique()
        where = f" ({subjects} subject{'s' * (subjects != 1)})" if subjects else ""
        found.append(f"{status}{where}: {reason}")
    return tuple(found)

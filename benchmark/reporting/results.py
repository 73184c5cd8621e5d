"""What reports are made from: a benchmark's config, its scores, and the names of its methods."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from benchmark.config.benchmark import EXTERNAL, BenchmarkConfig, MethodCard
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity
from benchmark.reporting.model import BELOW
from benchmark.reporting.names import CONTROL, method_cards
from benchmark.reporting.scope import Pair, datasets, pairs
from benchmark.results import scores
from benchmark.runtime import paths
from benchmark.statistics.aggregate import Aggregate, Average
from benchmark.statistics.compare import compare


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
    def aggregate(self) -> Aggregate:
        return Aggregate(self.table)

    @cached_property
    def comparisons(self) -> pd.DataFrame:
        """The proposed method against every other on all pairs."""
        return compare(self.aggregate, self.config)

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
        """Every method of the config and every external one with scores."""
        return method_cards(self.config, set(self.table["method"]))

    @cached_property
    def shown_methods(self) -> list[MethodCard]:
        """Methods whose images are here: all but external ones."""
        return [m for m in self.methods if m.kind != EXTERNAL]

    def average(self, pair: Pair, method: str, quantity: Quantity, label: str | None = "") -> Average:
        """See :meth:`benchmark.statistics.aggregate.Aggregate.average`."""
        return self.aggregate.average(pair.key, method, quantity, label)

    def contends(self, pair: Pair, method: str, quantity: Quantity) -> bool:
        """See :meth:`benchmark.statistics.aggregate.Aggregate.contends`."""
        return self.aggregate.contends(pair.key, method, quantity, self.config)

    @cached_property
    def _below(self) -> frozenset[tuple[tuple[str, str, str], str]]:
        """Pairs and methods, but for controls, whose Dice is below that of no harmonization."""
        return frozenset(
            (pair.key, method.name)
            for pair in self.pairs
            for method in self.methods
            if method.kind != CONTROL and self.aggregate.below(pair.key, method.name, self.config)
        )

    def mark(self, method: str, pairs: Sequence[tuple[str, str, str]]) -> str:
        """What follows a method's title beside its numbers on some pairs: ▼ where it is below no harmonization.

        Args:
            pairs: their keys.
        """
        below = sum((pair, method) in self._below for pair in pairs)
        return f" {BELOW}" * bool(below) + f" on {below} of {len(pairs)} pairs" * (0 < below < len(pairs))

    def doubtful(self, method: str, average: Average) -> bool:
        """See :meth:`benchmark.statistics.aggregate.Average.doubtful`."""
        return average.doubtful(self.config.is_trained(method))

    def unfit(self, pair: Pair) -> list[str]:
        """Why judges of a pair are unfit; empty where they are not."""
        return [each.reason for each in self.aggregate.unfit(pair.key, self.config)]

    def test_subjects(self, pair: Pair) -> int:
        """Number of the pair's test subjects over all folds."""
        return self.aggregate.subjects(pair.key)

"""A benchmark's datasets and pairs in the order of its reports, from the config alone: known before anything runs."""

from dataclasses import dataclass

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.runtime.paths import Cell

# In the order of the paper's tables; other datasets come last.
FAMILIES = ("msseg", "retouch", "ixi", None)


@dataclass(frozen=True)
class Pair:
    """A scanner pair of a dataset, with the folds that the benchmark runs."""

    dataset: DatasetConfig
    source: str
    target: str
    folds: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.source}-{self.target}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Dataset, source and target, as in the columns of the scores."""
        return self.dataset.name, self.source, self.target

    @property
    def title(self) -> str:
        return f"{self.source} → {self.target}"

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """Its rows of a table with the columns dataset, source and target."""
        return table[table[["dataset", "source", "target"]].eq(list(self.key)).all(axis=1)]

    def cell(self, config: BenchmarkConfig, method: str) -> Cell:
        """The cell that figures show: first fold, first seed."""
        return Cell(
            config.benchmark, self.dataset.name, self.source, self.target, self.folds[0], method, config.seeds[0]
        )


def datasets(config: BenchmarkConfig) -> list[DatasetConfig]:
    """The benchmark's datasets in the paper's order."""
    return sorted((load_dataset(name) for name in config.datasets), key=lambda d: FAMILIES.index(d.family))


def pairs(config: BenchmarkConfig) -> list[Pair]:
    """All scanner pairs that the benchmark runs."""
    found = []
    for dataset in datasets(config):
        use = config.datasets[dataset.name]
        folds = use.folds or tuple(range(dataset.split.folds))
        ends = (pair.split("-") for pair in use.pairs or dataset.pairs)
        found += [Pair(dataset, source, target, folds) for source, target in ends]
    return found


def is_papers_own(dataset: DatasetConfig) -> bool:
    """Whether this is the paper's own dataset, so that its printed numbers compare."""
    return dataset.family == dataset.name and not dataset.phantom

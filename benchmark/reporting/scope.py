"""What a benchmark asked for: its datasets and pairs in the order in which reports show them.

From the config alone, so that every row and file that was asked for is known before anything ran.
"""

from dataclasses import dataclass

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.runtime.paths import Cell

# As the paper orders its tables; datasets that stand for none of its three come last.
FAMILIES = ("msseg", "retouch", "ixi", None)


@dataclass(frozen=True)
class Pair:
    """A scanner pair of a dataset with the folds that the benchmark runs."""

    dataset: DatasetConfig
    source: str
    target: str
    folds: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.source}-{self.target}"

    @property
    def title(self) -> str:
        return f"{self.source} → {self.target}"

    def cell(self, config: BenchmarkConfig, method: str) -> Cell:
        """The cell that figures show: first fold, first seed."""
        return Cell(
            config.benchmark, self.dataset.name, self.source, self.target, self.folds[0], method, config.seeds[0]
        )


def datasets(config: BenchmarkConfig) -> list[DatasetConfig]:
    """The benchmark's datasets in the paper's order."""
    return sorted((load_dataset(name) for name in config.datasets), key=lambda d: FAMILIES.index(d.family))


def pairs_of(config: BenchmarkConfig, dataset: DatasetConfig) -> list[Pair]:
    """The scanner pairs that the benchmark runs of one dataset."""
    use = config.datasets[dataset.name]
    folds = use.folds or tuple(range(dataset.split.folds))
    ends = (pair.split("-") for pair in use.pairs or dataset.pairs)
    return [Pair(dataset, source, target, folds) for source, target in ends]


def pairs(config: BenchmarkConfig) -> list[Pair]:
    """All scanner pairs of the benchmark."""
    return [pair for dataset in datasets(config) for pair in pairs_of(config, dataset)]


def is_papers_own(dataset: DatasetConfig) -> bool:
    """Whether the dataset is the very one the paper used, so that its printed numbers may be compared."""
    return dataset.family == dataset.name and not dataset.phantom

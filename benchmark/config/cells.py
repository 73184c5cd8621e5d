"""Which cells a benchmark asks for."""

from collections.abc import Iterator
from itertools import product

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.runtime.paths import Cell


def judged(config: BenchmarkConfig) -> Iterator[tuple[str, str, int]]:
    """(dataset, pair, fold) of everything that is scored together."""
    for name, use in config.datasets.items():
        dataset = load_dataset(name)
        folds = range(dataset.split.folds) if use.folds is None else use.folds
        yield from product([name], use.pairs or dataset.pairs, folds)


def cells_of(config: BenchmarkConfig, dataset: str, pair: str, fold: int) -> Iterator[Cell]:
    """The cells of a pair and fold: learned methods with every seed, others, which draw nothing, with the first."""
    source, target = pair.split("-")
    for method in config.methods:
        for seed in config.seeds if config.cards[method].kind == "learned" else config.seeds[:1]:
            yield Cell(config.benchmark, dataset, source, target, fold, method, seed)

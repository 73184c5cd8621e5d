"""Which cells a benchmark asks for."""

from collections.abc import Callable, Iterator
from itertools import product

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.methods import registry
from benchmark.runtime.paths import Cell


def judged(config: BenchmarkConfig) -> Iterator[tuple[str, str, int]]:
    """(dataset, pair, fold) of everything that is scored together."""
    for name, use in config.datasets.items():
        dataset = load_dataset(name)
        folds = range(dataset.split.folds) if use.folds is None else use.folds
        yield from product([name], use.pairs or dataset.pairs, folds)


def _kind(method: str) -> str:
    return registry.method_class(method).kind


def cells_of(
    config: BenchmarkConfig, dataset: str, pair: str, fold: int, kind: Callable[[str], str] = _kind
) -> Iterator[Cell]:
    """The cells that are scored together: learned methods with every seed, others, which draw nothing, with the first.

    Args:
        kind: tells the kind of a method; by default its class does, which imports what the method needs.
    """
    source, target = pair.split("-")
    for method in config.methods:
        for seed in config.seeds if kind(method) == "learned" else config.seeds[:1]:
            yield Cell(config.benchmark, dataset, source, target, fold, method, seed)

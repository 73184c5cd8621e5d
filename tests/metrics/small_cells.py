"""Cells of the small benchmark, of methods whose scores can be foreseen."""

import json
from pathlib import Path

import numpy as np
import pytest
import small_benchmark as small

from benchmark.config.base import Strict
from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore
from benchmark.methods.base import Direction, FitContext, Method, TrainingSet
from benchmark.metrics.view import CellView, PairView
from benchmark.results.harmonized import Harmonized, write_harmonized
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell


class Stub(Method):
    reference = "none"
    kind = "learned"

    def __init__(self) -> None:
        super().__init__(Strict())
        self.loaded_from: Path | None = None

    def fit(self, train: TrainingSet, context: FitContext) -> None:
        pytest.fail("scoring trains nothing")

    def save(self, path: Path) -> None:
        pytest.fail("scoring saves no method")

    def load(self, path: Path) -> None:
        self.loaded_from = path


class Echo(Stub):
    """Gives back what it gets, both ways."""

    name, title, has_backward = "echo", "Echo", True

    def translate(self, images, direction=Direction.FORWARD):
        return np.array(images)


class Halves(Stub):
    """Backward halves what it gets."""

    name, title, has_backward = "halves", "Halves", True

    def translate(self, images, direction=Direction.FORWARD):
        assert direction is Direction.BACKWARD
        return images / 2


class OneWay(Stub):
    """Does not translate backward."""

    name, title, kind = "one_way", "One way", "control"

    def translate(self, images, direction=Direction.FORWARD):
        return np.array(images)


OK = {"status": "ok", "reason": "", "peak_memory_mib": 300.0}
METHODS = {cls.name: cls for cls in (Echo, Halves, OneWay)}


def make_view(method="echo", change=lambda image: image, config=None):
    pair = PairView(config or small.benchmark_config(), load_dataset(small.DATASET), small.PAIR, 0)
    images = {s: change(np.array(pair.store.image(s))) for s in small.FOLD.test_source}
    cell = Cell("small", small.DATASET, "AA", "BB", 0, method, 0)
    return CellView(pair, cell, images, METHODS[method])


def harmonize(method, *, config, fold=small.FOLD, number=0, outcome=None, change=lambda image: image):
    """Leaves what a cell leaves before it is scored."""
    store = SliceStore(paths.slices(small.DATASET))
    for seed in config.seeds:
        cell = Cell(config.benchmark, small.DATASET, "AA", "BB", number, method, seed)
        images = {s: change(np.array(store.image(s))) for s in fold.test_source}
        write_harmonized(cell.harmonized, outcome or Harmonized(images))
        cell.run.write_text(json.dumps({**OK, "wall_seconds": 12.5, "parameters": 7}))
        cell.harmonize_run.write_text(json.dumps({**OK, "wall_seconds": 0.5, "slices": 12}))

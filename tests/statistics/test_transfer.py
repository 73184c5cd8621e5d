"""The order of methods in two benchmarks."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from benchmark.results import scores
from benchmark.results.scores import Score
from benchmark.runtime.checksums import write_with_checksum
from benchmark.runtime.errors import DataError
from benchmark.runtime.paths import Cell
from studies.transfer import compare, exact

LEVELS = {"floor": 0.1, "a": 0.3, "b": 0.4, "c": 0.5, "d": 0.6}


def write(folder, dataset, levels, noise=0.0, subjects=8, seeds=2):
    """Scores of a benchmark with one pair; Dice is the level of the method, KID one minus it."""
    folder.mkdir()
    random, tables = np.random.default_rng(len(dataset)), []
    for method, level in levels.items():
        for seed in range(seeds):
            shift = noise * random.normal(size=subjects)
            own = [Score("dice", level + x, subject=f"s{i}", label="core") for i, x in enumerate(shift)]
            cell = Cell("small", dataset, "AA", "BB", 0, method, seed)
            tables.append(scores.table(cell, [*own, Score("kid", 1 - level)]))
    scores.write(folder / "scores.csv", pd.concat(tables, ignore_index=True))
    kinds = ["control" if method == "floor" else "learned" for method in levels]
    write_with_checksum(folder / "leaderboard.csv", pd.DataFrame({"method": list(levels), "kind": kinds}))
    return folder


def test_equal_and_opposite_orders_and_the_least_p(tmp_path):
    one = write(tmp_path / "one", "phantom", LEVELS)
    same = compare(one, write(tmp_path / "same", "real", LEVELS | {"e": 0.7}), 20).set_index("quantity")
    assert same["tau"].tolist() == [1, 1]
    assert same["methods"].tolist() == [4, 4]  # neither the control nor what only one of them has
    assert same["p"].tolist() == same["least p"].tolist() == pytest.approx([2 / 24] * 2)
    assert math.isnan(same.loc["kid", "low"])  # no number differs from another training's
    opposite = dict(zip(LEVELS, [0.1, *sorted(LEVELS.values(), reverse=True)[:4]], strict=True))
    assert compare(one, write(tmp_path / "other", "real", opposite), 20)["tau"].tolist() == [-1, -1]


def test_an_order_that_subjects_and_seeds_do_not_agree_on_has_a_wide_interval(tmp_path):
    one = write(tmp_path / "one", "phantom", LEVELS)
    found = compare(one, write(tmp_path / "noisy", "real", LEVELS, noise=0.4), 200).set_index("quantity").loc["dice"]
    assert found["low"] < 0.4 < found["high"]


@pytest.mark.parametrize("other", [[1, 3, 2, 5, 4], [5, 1, 4, 2, 3]])
def test_p_is_that_of_all_orders(other):
    one, other = np.arange(5.0), np.array(other, float)
    p, least = exact(one, other)
    assert p == pytest.approx(kendalltau(one, other, method="exact").pvalue)
    assert least == pytest.approx(2 / 120)


def test_tied_methods_attain_less():
    assert exact(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0]))[1] == pytest.approx(4 / 6)


def test_benchmarks_without_common_methods_are_one_message(tmp_path):
    one, other = (write(tmp_path / name, name, {f"{name}_method": 0.5}) for name in ("one", "other"))
    with pytest.raises(DataError, match="has 0 methods in common"):
        compare(one, other, 20)

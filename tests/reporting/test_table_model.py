import math

import pandas as pd
import pytest

from benchmark.metrics.base import Quantity
from benchmark.reporting.files import Item
from benchmark.reporting.model import (
    Block,
    Entry,
    Row,
    Table,
    best,
    coverage,
    fixed,
    head,
    plain,
    scored,
    side_by_side,
    signed,
    significant,
)
from benchmark.statistics.aggregate import Average


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0123456, "0.0123"),
        (0.7, "0.700"),
        (385.03, "385"),
        (35_012_345.0, "35012345"),
        (-1.5, "−1.50"),
        (0.0, "0"),
    ],
)
def test_significant(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(("value", "text"), [(7e-4, "0.0007"), (1e-6, "1e−6"), (0.17, "0.17"), (1e20, "1e20")])
def test_plain(value, text):
    assert plain(value) == text


def test_fixed_and_signed_have_no_negative_zero():
    assert (fixed(-0.001), signed(-0.001), signed(0.126), signed(-0.126)) == ("0.00", "+0.00", "+0.13", "−0.13")


def test_numbers_that_print_alike_tie():
    lower, higher, neither = (_quantity(better) for better in ("lower", "higher", "neither"))
    assert best(["0.024", "0.034", "0.024"], lower) == [True, False, True]
    assert best(["0.50", None, "0.61"], higher) == [False, False, True]
    assert best(["−0.01", "0.02"], lower) == [True, False]
    assert best([None, None], higher) == [False, False]
    assert best(["1", "2"], neither) == [False, False]


def test_the_best_may_be_the_nearest_to_a_value():
    half = _quantity("nearer", aim=0.5)
    assert best(["0.00", "0.45", "0.55", "1.00"], half) == [False, True, True, False]
    assert (head(half), head(_quantity("lower")), head(_quantity("neither"), "M")) == (
        "Q [mm] (→ 0.5)",
        "Q [mm] (↓)",
        "M [mm]",
    )


def _quantity(better, **changes):
    return Quantity("q", "Q", "mm", better, (0, 9), "none", **changes)


def _average(n: int, total: int, *reasons: str, unit="subject") -> Average:
    empty = pd.DataFrame(), pd.Series(dtype=float)
    nothing = math.nan, (math.nan, math.nan)
    return Average(0.5 if n else math.nan, *empty, True, *nothing, n, total, unit, total, reasons, ())


def test_a_missing_number_keeps_its_place_and_reason():
    assert scored(_average(0, 3, "failed: x"), "nan") == Entry("–", notes=("failed: x",))
    assert scored(_average(2, 3, "failed: x"), "0.50", bold=True) == Entry("0.50", True, "n 2/3", ("failed: x",))
    assert scored(_average(3, 3), "0.50", aside="[0, 1]") == Entry("0.50", aside="n 3 [0, 1]")
    folds = [scored(_average(n, total, unit="fold"), "0.50").aside for n, total in ((1, 1), (3, 3), (1, 3))]
    assert folds == ["1 fold", "3 folds", "1/3 folds"]


def test_coverage_counts_whole_partial_and_missing():
    text = coverage([_average(3, 3), _average(3, 3), _average(2, 3, "r"), _average(0, 3, "r")], "subjects")
    assert text.startswith("Coverage: 2 of 4 numbers rest on all subjects; 1 on some")
    assert "1 are missing" in text


def _block(columns: int, group: str = "") -> Block:
    rows = tuple(Row(title, tuple(Entry(f"{title}{i}") for i in range(columns))) for title in "xy")
    return Block("t", tuple("abc"[:columns]), rows, ((group, columns),) if group else ())


def test_blocks_stand_side_by_side_undivided():
    merged = side_by_side([_block(1), _block(2, "g"), _block(2), _block(1)], columns=4)
    assert [block.columns for block in merged] == [("a", "a", "b"), ("a", "b", "a")]
    assert merged[0].groups == (("", 1), ("g", 2))
    assert merged[1].groups == ()
    assert [e.text for e in merged[0].rows[1].entries] == ["y0", "y0", "y1"]


def test_footnotes_are_marked_in_order_and_once():
    rows = tuple(Row(str(i), (Entry("–", notes=(f"reason {i % 28}",)),)) for i in range(40))
    table = Table(Item("k", "k", "Table I"), ("c",), (Block("t", ("a",), rows),), pd.DataFrame())
    marks = table.footnotes
    assert len(marks) == 28
    assert [marks[f"reason {i}"] for i in (0, 25, 26, 27)] == ["a", "z", "aa", "ab"]

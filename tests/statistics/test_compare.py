"""Differences of the proposed method to every other, subject by subject and seed by seed."""

import math

import numpy as np
import pandas as pd
import pytest
from small_benchmark import benchmark_config, card

from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime.paths import Cell
from benchmark.statistics.aggregate import Aggregate
from benchmark.statistics.compare import compare
from benchmark.statistics.intervals import Estimate

COUNT = 20
SUBJECTS = [f"s{i:02}" for i in range(COUNT)]
CLASSICAL = "plain"


def config(*methods):
    names = ("ours", *methods)
    cards = {name: card(name, "classical" if name == CLASSICAL else "learned") for name in names}
    return benchmark_config(methods={name: {} for name in names}, cards=cards, proposed="ours")


def rows(method, values, metric="dice", label="core", seed=0, fold=0):
    cell = Cell("small", "tiny", "AA", "BB", fold, method, seed)
    found = [
        missing(metric, "skipped", "absent", subject=s, label=label)
        if np.isnan(v)
        else Score(metric, float(v), subject=s, label=label)
        for s, v in zip(SUBJECTS, values, strict=False)
    ]
    return scores.table(cell, found)


def seeded(method, values, noise=0.002):
    """Three seeds of a method."""
    random = np.random.default_rng(len(method) + ord(method[0]))
    return [rows(method, values + noise * random.normal(size=len(values)), seed=k) for k in range(3)]


def compared(*tables, methods):
    return compare(Aggregate(pd.concat(tables, ignore_index=True)), config(*methods)).set_index("method")


OURS = np.linspace(0.6, 0.8, COUNT)
WAVES = 0.02 * np.sin(np.arange(COUNT))


def test_differences_are_proposed_minus_method_subject_by_subject():
    theirs = OURS - 0.15 - WAVES
    tables = [rows(name, values, seed=k) for name, values in (("ours", OURS), ("a", theirs)) for k in range(3)]
    found = compared(*tables, methods=["a"]).loc["a"]
    expected = Estimate.of(np.repeat((OURS - theirs)[:, None], 3, axis=1))
    assert found["difference"] == pytest.approx(expected.mean)
    assert (found["low"], found["high"]) == pytest.approx((expected.interval.low, expected.interval.high))
    assert found["p"] == pytest.approx(expected.p)
    assert (found["significant"], found["note"], found["subjects"], found["better"]) == ("yes", "", COUNT, "higher")


def test_p_values_are_corrected_over_the_methods():
    tables = [t for m, d in (("a", 0.1), ("b", 0.2), ("c", 0.0)) for t in seeded(m, OURS - d + WAVES)]
    found = compared(*seeded("ours", OURS), *tables, methods=["a", "b", "c"])
    assert found["significant"].tolist() == ["yes", "yes", "no"]
    smallest = found["p"].min()
    assert found.loc[found["p"] == smallest, "p_holm"].tolist() == pytest.approx([3 * smallest])
    assert found.loc["c", "p_holm"] == found.loc["c", "p"]


def test_seeds_that_disagree_are_no_difference():
    """Twenty subjects agree within each training, and the trainings do not."""
    shifts = (-0.1, 0.0, 0.25)
    tables = [rows("ours", OURS + shift, seed=k) for k, shift in enumerate(shifts)]
    tables += [rows("a", OURS, seed=k) for k in range(3)]
    found = compared(*tables, methods=["a"]).loc["a"]
    assert found["significant"] == "no"
    assert found["low"] < 0 < found["high"]


def test_few_subjects_get_an_interval_and_a_note_instead_of_a_verdict():
    tables = [t.iloc[:5] for m, d in (("ours", 0.0), ("a", 0.3)) for t in seeded(m, OURS - d)]
    found = compared(*tables, methods=["a"]).loc["a"]
    assert 0.25 < found["low"] < found["high"] < 0.35
    assert math.isnan(found["p"])
    assert (found["significant"], found["note"]) == ("", "a test needs 20 subjects; there are 5")


def test_one_seed_of_a_training_is_not_tested_and_of_methods_without_chance_is():
    found = compared(rows("ours", OURS), rows(CLASSICAL, OURS - 0.1 + WAVES), methods=[CLASSICAL]).loc[CLASSICAL]
    assert "a test needs 3 seeds" in found["note"]
    found = compared(*seeded("ours", OURS), rows(CLASSICAL, OURS - 0.1 + WAVES), methods=[CLASSICAL]).loc[CLASSICAL]
    assert (found["significant"], found["note"]) == ("yes", "")


def test_two_subjects_have_no_interval():
    found = compared(rows("ours", OURS[:2]), rows("a", OURS[:2] - 0.3), methods=["a"]).loc["a"]
    assert found["difference"] == pytest.approx(0.3)
    assert found["subjects"] == 2
    assert found[["p", "p_holm", "low", "high"]].isna().all()
    assert found["note"] == "with fewer than 3 subjects there is no interval and no test"


def test_only_subjects_with_both_numbers_count_and_a_method_without_any_stays_in_the_table():
    ours, theirs = OURS.copy(), OURS - 0.1
    ours[0] = theirs[1] = np.nan
    found = compared(rows("ours", ours), rows("a", theirs), methods=["a", "b"])
    assert found.loc["a", "subjects"] == COUNT - 2
    assert found.loc["b", "note"] == "no subject has a number of both methods"
    assert math.isnan(found.loc["b", "p_holm"])


def test_folds_are_pooled():
    tables = [rows("ours", OURS)]
    tables += [rows("a", OURS[:4] - 0.1, fold=0), rows("a", [np.nan] * 4 + list(OURS[4:] - 0.1), fold=1)]
    found = compared(*tables, methods=["a"]).loc["a"]
    assert (found["subjects"], found["difference"]) == (COUNT, pytest.approx(0.1))


def test_compares_headline_quantities_that_have_numbers_by_subject():
    tables = [
        rows(m, OURS, metric) for m in ("ours", "a") for metric in ("dice", "volume_before", "sensitivity_auc_mse")
    ]
    cell = Cell("small", "tiny", "AA", "BB", 0, "ours", 0)
    tables.append(scores.table(cell, [Score("kid", 0.2)]))
    found = compare(Aggregate(pd.concat(tables, ignore_index=True)), config("a"))
    assert found["metric"].tolist() == ["dice", "sensitivity_auc_mse"]
    assert found["better"].tolist() == ["higher", "lower"]

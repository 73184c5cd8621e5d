import math

import numpy as np
import pandas as pd
import pytest
from small_benchmark import benchmark_config

from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime.paths import Cell
from benchmark.statistics.aggregate import Aggregate
from benchmark.statistics.compare import compare
from benchmark.statistics.intervals import mean_interval

SUBJECTS = [f"s{i}" for i in range(8)]


def config(*methods):
    return benchmark_config(methods={name: {} for name in ("ours", *methods)}, proposed="ours")


def rows(method, values, metric="dice", label="core", seed=0, fold=0):
    cell = Cell("small", "tiny", "AA", "BB", fold, method, seed)
    found = [
        missing(metric, "skipped", "absent", subject=s, label=label)
        if np.isnan(v)
        else Score(metric, float(v), subject=s, label=label)
        for s, v in zip(SUBJECTS, values, strict=False)
    ]
    return scores.table(cell, found)


def compared(*tables, methods):
    return compare(Aggregate(pd.concat(tables, ignore_index=True)), config(*methods)).set_index("method")


OURS = np.linspace(0.7, 0.84, 8)


def test_differences_are_proposed_minus_method_subject_by_subject():
    theirs = OURS - np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1, 0.2])
    found = compared(rows("ours", OURS), rows("a", theirs[::-1][::-1]), methods=["a"]).loc["a"]
    assert found["difference"] == pytest.approx(0.15)
    assert 0.1 <= found["low"] < 0.15 < found["high"] <= 0.2
    expected = mean_interval((OURS - theirs)[:, None], "compare", "tiny", "AA", "BB", "dice", "core", "a")
    assert (found["low"], found["high"]) == (expected.low, expected.high)
    assert found["p"] == found["smallest_p"] == 2 / 2**8
    assert (found["significant"], found["note"], found["subjects"], found["better"]) == ("yes", "", 8, "higher")


def test_p_values_are_corrected_over_the_methods():
    tables = [rows(m, OURS - d) for m, d in (("a", 0.1), ("b", 0.2), ("c", np.resize([0.1, -0.1], 8)))]
    found = compared(rows("ours", OURS), *tables, methods=["a", "b", "c"])
    assert found.loc[["a", "b"], "p"].tolist() == [2 / 256] * 2
    assert found.loc[["a", "b"], "p_holm"].tolist() == pytest.approx([6 / 256] * 2)
    assert found.loc["c", "p_holm"] == found.loc["c", "p"] == 1
    assert found["significant"].tolist() == ["yes", "yes", "no"]


def test_few_subjects_get_a_note_instead_of_a_verdict():
    found = compared(rows("ours", OURS[:5]), rows("a", OURS[:5] - 0.3), methods=["a"]).loc["a"]
    assert found["p"] == 0.0625
    assert found["significant"] == ""
    assert found["note"] == "with 5 subjects no p can be under 0.0625"


def test_a_single_subject_is_not_tested():
    found = compared(rows("ours", OURS[:1]), rows("a", OURS[:1] - 0.3), methods=["a"]).loc["a"]
    assert found["difference"] == pytest.approx(0.3)
    assert found["subjects"] == 1
    assert found[["p", "p_holm", "low", "high"]].isna().all()
    assert found["significant"] == ""
    assert found["note"] == "with a single subject there is no interval and no test"


def test_only_subjects_with_both_numbers_count_and_a_method_without_any_stays_in_the_table():
    ours = OURS.copy()
    ours[0] = np.nan
    theirs = OURS - 0.1
    theirs[1] = np.nan
    found = compared(rows("ours", ours), rows("a", theirs), methods=["a", "b"])
    assert found.loc["a", "subjects"] == 6
    assert found.loc["b", "note"] == "no subject has a number of both methods"
    assert math.isnan(found.loc["b", "p_holm"])
    assert found.loc["a", "p_holm"] == found.loc["a", "p"]  # b was not tested


def test_seeds_are_averaged_and_folds_pooled():
    tables = [rows("ours", OURS + s, seed=i) for i, s in enumerate((-0.1, 0.1))]
    tables += [rows("a", OURS[:4] - 0.1, fold=0), rows("a", [np.nan] * 4 + list(OURS[4:] - 0.1), fold=1)]
    found = compared(*tables, methods=["a"]).loc["a"]
    assert (found["subjects"], found["difference"]) == (8, pytest.approx(0.1))


def test_compares_headline_quantities_that_have_numbers_by_subject():
    tables = [
        rows(m, OURS, metric) for m in ("ours", "a") for metric in ("dice", "volume_before", "sensitivity_auc_mse")
    ]
    cell = Cell("small", "tiny", "AA", "BB", 0, "ours", 0)
    tables.append(scores.table(cell, [Score("kid", 0.2)]))
    found = compare(Aggregate(pd.concat(tables, ignore_index=True)), config("a"))
    assert found["metric"].tolist() == ["dice", "sensitivity_auc_mse"]
    assert found["better"].tolist() == ["higher", "lower"]

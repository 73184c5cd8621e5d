import math

import numpy as np
import pandas as pd
import pytest
import small_benchmark as small

from benchmark.config.cells import cells_of, judged
from benchmark.pipeline.leaderboard import gather, leaderboard
from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError
from benchmark.runtime.paths import Cell

KINDS = {"echo": "learned", "other": "learned", "floor": "control"}


def config(*methods, **changes):
    cards = {name: small.card(name, KINDS[name]) for name in methods}
    return small.benchmark_config(methods={name: {} for name in methods}, cards=cards, proposed=methods[0], **changes)


def rows(method, found, fold=0, seed=0):
    return scores.table(Cell("small", "tiny", "AA", "BB", fold, method, seed), found)


def dice(values, metric="dice"):
    """``values``: subject to label to number."""
    return [Score(metric, v, subject=s, label=label) for s, by in values.items() for label, v in by.items()]


def board(*tables, methods=("echo",)):
    return leaderboard(pd.concat(tables, ignore_index=True), config(*methods)).set_index("method")


def test_dice_is_averaged_over_the_subjects_of_all_folds_and_then_over_classes():
    found = board(
        rows("echo", dice({"s1": {"core": 0.2, "spot": 0.9}}), fold=0),
        rows("echo", dice({"s2": {"core": 0.6}, "s3": {"core": 0.7}}), fold=1),
    ).loc["echo"]
    assert found["dice"] == pytest.approx((0.5 + 0.9) / 2)
    assert found["dice_low"] <= found["dice"] <= found["dice_high"]


def test_scores_over_no_subject_are_averaged_over_folds():
    found = board(*(rows("echo", [Score("kid", v)], fold=f) for f, v in enumerate((0.1, 0.4, 0.1)))).loc["echo"]
    assert (found["kid"], found["kid_n"]) == (pytest.approx(0.2), 3)
    half = 4.303 * np.std((0.1, 0.4, 0.1), ddof=1) / np.sqrt(3)  # Student's t
    assert (found["kid_low"], found["kid_high"]) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-3)
    one = board(rows("echo", [Score("fid", 0.1)])).loc["echo"]
    assert "fid_low" not in one


def test_seeds_are_averaged_and_their_spread_is_shown():
    tables = [
        rows("echo", [Score("kid", v), *dice({"s1": {"core": d}})], seed=s)
        for s, v, d in ((0, 0.1, 0.5), (1, 0.3, 0.7))
    ]
    found = board(*tables).loc["echo"]
    assert (found["kid"], found["dice"]) == (pytest.approx(0.2), pytest.approx(0.6))
    assert found["kid_seed_std"] == pytest.approx(np.std([0.1, 0.3], ddof=1))
    assert found["dice_seed_std"] == pytest.approx(np.std([0.5, 0.7], ddof=1))
    assert "kid_seed_std" not in board(tables[0])


def test_ratios_are_of_all_folds_together():
    folds = []
    for fold, (harmonized, cross, inside, before, after) in enumerate(
        [(0.5, 0.4, 0.8, 2.0, 0.5), (0.7, 0.69, 0.7, 1.0, 0.1)]
    ):
        own = [
            *dice({f"s{fold}": {"core": harmonized}}),
            *dice({f"s{fold}": {"core": cross}}, "dice_cross"),
            Score("gap_recovered", (harmonized - cross) / (inside - cross), label="core"),
            Score("kid", after), Score("kid_before", before), Score("kid_gap_closed", 1 - after / before),
        ]  # fmt: skip
        folds += [rows("echo", own, fold), rows("source_on_source", dice({f"s{fold}": {"core": inside}}), fold)]
    found = board(*folds).loc["echo"]
    assert found["gap_recovered"] == pytest.approx((0.6 - 0.545) / (0.75 - 0.545))
    assert (found["gap_recovered_n"], found["kid_gap_closed_n"]) == (2, 2)  # subjects and folds
    assert found["kid_gap_closed"] == pytest.approx(1 - 0.3 / 1.5)
    floors = [rows("target_on_target", [Score("kid", floor)], fold) for fold, floor in enumerate((1.4, 1.7))]
    assert "kid_gap_closed" not in board(*folds, *floors).loc["echo"]  # 1.5 before, and 1.55 within the target


def test_classes_with_a_small_gap_have_no_part_in_the_mean_over_classes():
    """Before, the class with a gap of 0.01 of Dice made the mean -4.75."""
    own = [
        *dice({"s": {"core": 0.6, "spot": 0.7}}), *dice({"s": {"core": 0.4, "spot": 0.8}}, "dice_cross"),
        Score("gap_recovered", 0.5, label="core"), missing("gap_recovered", "skipped", "no gap", label="spot"),
    ]  # fmt: skip
    found = board(rows("echo", own), rows("source_on_source", dice({"s": {"core": 0.8, "spot": 0.81}}))).loc["echo"]
    assert found["gap_recovered"] == pytest.approx(0.5)


def test_a_number_without_an_interval_over_subjects_is_not_tied_and_one_that_is_never_bold_neither():
    volumes = [
        Score(f"volume_{when}", value + shift, "mL", f"s{i}", "core")
        for i, value in enumerate((10.0, 12, 15, 11))
        for when, shift in (("before", 0), ("after", 0.1 * i))
    ]
    found = board(rows("echo", [*volumes, missing("volume_icc", "skipped", "few", label="core")])).loc["echo"]
    assert found["volume_icc_low"] < found["volume_icc"] < found["volume_icc_high"]
    assert found["volume_icc_tied"] == False  # noqa: E712
    assert found["volume_icc_n"] == 4


def test_a_method_less_useful_than_no_harmonization_is_not_tied_for_sensitivity():
    def scored(method, value, area):
        subjects = [f"s{i}" for i in range(5)]
        areas = [Score("sensitivity_auc_mse", area + i / 1000, subject=s) for i, s in enumerate(subjects)]
        return rows(method, [*dice({s: {"core": value} for s in subjects}), *areas])

    found = board(
        scored("echo", 0.6, 0.02), scored("other", 0.1, 0.0), scored("floor", 0.5, 0.1),
        methods=("echo", "other", "floor"),
    )  # fmt: skip
    assert found["sensitivity_auc_mse_tied"].tolist()[:2] == [True, False]


def test_agreement_is_over_the_subjects_of_all_folds():
    tables = []
    for fold, (before, after) in enumerate([(10, 10), (12, 12), (14, 14)]):
        subject = {"subject": f"s{fold}", "label": "core", "unit": "mL"}
        own = [Score("volume_before", before, **subject), Score("volume_after", after, **subject)]
        tables.append(rows("echo", [*own, missing("volume_icc", "skipped", "one subject", label="core")], fold))
    assert "volume_icc" not in board(*tables[:2])
    assert board(*tables).loc["echo", "volume_icc"] == pytest.approx(1)


def trainings(method, center, seeds=3, subjects=20):
    """Scores of every seed; subjects and seeds vary."""
    random = np.random.default_rng(ord(method[0]))
    values = center + 0.03 * np.sin(np.arange(subjects)) + 0.002 * random.normal(size=(seeds, subjects))
    return [
        rows(method, dice({f"s{i:02}": {"core": v} for i, v in enumerate(of_seed)}), seed=k)
        for k, of_seed in enumerate(values)
    ]


def test_a_test_decides_ranks_and_ties_and_controls_are_never_the_best():
    tables = [t for m, c in (("echo", 0.6), ("other", 0.601), ("floor", 0.9)) for t in trainings(m, c)]
    found = board(*tables, *trainings("theirs", 0.3), methods=("echo", "other", "floor"))
    assert found["dice_tied"].tolist() == [True, True, False, False]
    assert found["rank"].tolist()[:2] == [1, 1]
    assert math.isnan(found.loc["floor", "rank"])
    assert found.loc["theirs", "rank"] == 3
    assert found["kind"].tolist() == ["learned", "learned", "control", "external"]
    assert found["title"].tolist() == ["Echo", "Other", "Floor", "theirs"]


@pytest.mark.parametrize("few", [{"subjects": 8}, {"seeds": 1}])
def test_without_enough_subjects_or_seeds_there_are_no_ranks(few):
    found = board(*trainings("echo", 0.6, **few), *trainings("other", 0.3, **few), methods=("echo", "other"))
    assert found["rank"].isna().all()
    assert found["dice_tied"].tolist() == [True, True]


@pytest.mark.parametrize(("of_truth", "ranked"), [(0.8, True), (0.6, False)])
def test_a_segmentor_that_takes_true_images_for_others_ranks_no_method(of_truth, ranked):
    tables = [*trainings("echo", 0.6), *trainings("other", 0.3), *trainings("truth", of_truth, seeds=1)]
    own = trainings("target_on_target", 0.805, seeds=1)
    cards = {name: small.card(name, "learned") for name in ("echo", "other")}
    cards["truth"] = small.card("truth", "control").model_copy(update={"needs_truth": True})
    made = small.benchmark_config(methods={name: {} for name in cards}, cards=cards, proposed="echo")
    found = leaderboard(pd.concat([*tables, *own], ignore_index=True), made).set_index("method")
    assert found["rank"].notna()[["echo", "other"]].tolist() == [ranked, ranked]


def test_what_is_worse_than_no_harmonization_is_marked():
    tables = [t for m, c in (("echo", 0.6), ("other", 0.4), ("floor", 0.5)) for t in trainings(m, c)]
    found = board(*tables, methods=("echo", "other", "floor"))
    assert found["unharmonized_better"].tolist() == [False, True, False]


def test_coverage_counts_cells_and_subjects_and_gives_the_reason_of_the_rest():
    reference = [rows("source_on_source", dice({f"s{f}": {"core": 0.9}}), f) for f in (0, 1)]
    scored = rows("echo", dice({"s0": {"core": 0.5}}), 0)
    diverged = rows("echo", [missing("dice", "failed", "loss is nan at step 3")], 1)
    found = board(
        *reference,
        scored,
        diverged,
        rows("other", [missing("dice", "skipped", "sparse")], 0),
        methods=("echo", "other"),
    )
    assert found.loc["echo", ["cells", "cells_expected", "subjects", "subjects_expected"]].tolist() == [1, 2, 1, 2]
    assert found.loc["echo", "reason"] == "loss is nan at step 3"
    assert found.loc["other", ["cells", "reason"]].tolist() == [0, "sparse"]
    assert math.isnan(found.loc["other", "dice"])
    assert "source_on_source" not in found.index


def lay_out_scores(settings, leave_out=()):
    small.lay_out(folds=(small.FOLD, small.FOLD), dataset={"split": {"protocol": "leave_one_out", "folds": 2}})
    for dataset, pair, fold in judged(settings):
        for method in settings.methods:
            cell = Cell("small", dataset, *pair.split("-"), fold, method, 0)
            found = [
                s
                for s in (
                    Score("dice", 0.5, subject="a3", label="core"),
                    missing("iou", "skipped", "x"),
                    missing("gdice", "skipped", "x"),
                )
                if (method, s.metric) not in leave_out
            ]
            scores.write(cell.scores, scores.table(cell, found))
        reference = Cell("small", dataset, *pair.split("-"), fold, "source_on_source", 0)
        path = paths.pair_root("small", dataset, pair, fold) / "reference.csv"
        scores.write(path, scores.table(reference, [Score("dice", 0.9, subject="a3", label="core")]))


def test_gathers_every_cell_and_reference_row_and_writes_the_leaderboard():
    settings = config("echo", "other")
    lay_out_scores(settings)
    gather(settings)
    gathered = scores.read(paths.scores("small"))
    assert len(gathered) == 2 * (2 * 3 + 1)
    assert set(gathered["method"]) == {"echo", "other", "source_on_source"}
    table = pd.read_csv(paths.leaderboard("small"))
    assert table["method"].tolist() == ["echo", "other"]
    assert table["cells"].tolist() == table["cells_expected"].tolist() == [2, 2]


def test_a_missing_cell_or_quantity_is_an_error():
    settings = config("echo", "other")
    lay_out_scores(settings, leave_out=[("other", "iou")])
    with pytest.raises(DataError, match=r"other/seed-0/scores.csv: has no row of iou"):
        gather(settings)
    lay_out_scores(settings)
    Cell("small", "tiny", "AA", "BB", 1, "echo", 0).scores.unlink()
    with pytest.raises(DataError, match=r"fold-1/echo/seed-0/scores.csv: is missing"):
        gather(settings)


def test_judges_pairs_and_folds_that_the_config_names():
    small.lay_out(dataset={"split": {"protocol": "leave_one_out", "folds": 3}})
    assert list(judged(config("echo"))) == [("tiny", "AA-BB", fold) for fold in range(3)]
    some = config("echo", datasets={"tiny": {"folds": [2]}})
    assert list(judged(some)) == [("tiny", "AA-BB", 2)]


def test_what_draws_nothing_is_run_with_the_first_seed_alone():
    cells = list(cells_of(config("echo", "floor", seeds=(4, 2)), "tiny", "AA-BB", 1))
    assert [(c.method, c.seed) for c in cells] == [("echo", 4), ("echo", 2), ("floor", 4)]
    assert {(c.dataset, c.source, c.target, c.fold) for c in cells} == {("tiny", "AA", "BB", 1)}

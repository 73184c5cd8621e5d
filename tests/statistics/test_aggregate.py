import math

import numpy as np
import pandas as pd
import pytest
import small_benchmark as small

from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import quantities
from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime.paths import Cell
from benchmark.statistics.aggregate import Aggregate

PAIR = ("tiny", "AA", "BB")
DICE, KID = quantities()["dice"], quantities()["kid"]


def rows(found, method="echo", fold=0, seed=0):
    return scores.table(Cell("small", *PAIR, fold, method, seed), found)


def aggregate(*tables):
    return Aggregate(pd.concat(tables, ignore_index=True))


def dice(**values):
    return [Score("dice", v, subject=s, label=label) for s, by in values.items() for label, v in by.items()]


def test_seeds_are_averaged_within_units_before_units():
    """A unit that lacks a seed weighs as much as the others, for subjects and folds alike."""
    tables = [
        rows([Score("kid", 0.1), *dice(a={"core": 0.1})], fold=0, seed=0),
        rows([Score("kid", 0.3), *dice(a={"core": 0.3})], fold=0, seed=1),
        rows([Score("kid", 0.8), *dice(b={"core": 0.8})], fold=1, seed=0),
    ]
    for quantity, label, units in ((KID, "", [0, 1]), (DICE, "core", ["a", "b"])):
        for asked in (label, None):  # as tables ask, and as the leaderboard does
            found = aggregate(*tables).average(PAIR, "echo", quantity, asked)
            assert found.mean == pytest.approx(0.5)
            assert found.units[label].to_dict() == pytest.approx(dict(zip(units, (0.2, 0.8), strict=True)))
            assert found.sd == pytest.approx(np.std([0.2, 0.8], ddof=1))
            assert found.seed_sd == pytest.approx(np.std([0.45, 0.3], ddof=1))
            assert (found.n, found.total, found.by_subject) == (2, 2, quantity is DICE)


def test_labels_are_averaged_last_and_can_be_asked_for():
    table = aggregate(rows(dice(a={"core": 0.2, "spot": 0.9}, b={"core": 0.6})))
    assert table.average(PAIR, "echo", DICE).mean == pytest.approx((0.4 + 0.9) / 2)
    spot = table.average(PAIR, "echo", DICE, "spot")
    assert (spot.mean, spot.n, spot.total, spot.complete) == (pytest.approx(0.9), 1, 2, False)


def test_only_scores_by_subject_have_an_interval():
    table = aggregate(rows([Score("kid", 0.1), *dice(a={"core": 0.2}, b={"core": 0.6}, c={"core": 0.1})]))
    found = table.average(PAIR, "echo", DICE).interval
    assert 0 == found.low < found.mean < found.high <= 1  # Dice has bounds
    assert math.isnan(table.average(PAIR, "echo", KID).interval.low)


def test_missing_numbers_have_their_reasons():
    absent = [missing("dice", "skipped", "absent", subject=s, label="core") for s in "bc"]
    table = aggregate(rows([*dice(a={"core": 0.2}), *absent]), rows([missing("dice", "failed", "diverged")], "other"))
    assert table.average(PAIR, "echo", DICE, "core").reasons == ("skipped (2 subjects): absent",)
    other = table.average(PAIR, "other", DICE, "core")
    assert (other.there, other.total, other.reasons) == (False, 3, ("failed: diverged",))
    assert math.isnan(other.mean)
    assert table.average(PAIR, "absent", DICE, "core").reasons == ("no score was written",)


def test_a_quantity_says_how_it_is_pooled_and_what_its_spread_is():
    """Of all folds of a seed together, beside the in-domain scores; then the mean over seeds."""

    def ratio(own, in_domain):
        return DICE.rows(own)["value"].sum() / DICE.rows(in_domain)["value"].sum()

    share = Quantity(
        "share", "Share", "", "higher", (0, 9), "none",
        pool=ratio, pooled_from=DICE, spread=lambda own: float(len(own)), interval=lambda own: (0.5, len(own)),
    )  # fmt: skip
    tables = [
        rows([*dice(a={"core": v}), missing("share", "skipped", "one subject", label="core")], fold=fold, seed=seed)
        for fold, seed, v in ((0, 0, 0.1), (1, 0, 0.3), (0, 1, 0.2), (1, 1, 0.6))
    ]
    found = aggregate(*tables, rows(dice(a={"core": 0.5}), "source_on_source")).average(PAIR, "echo", share, "core")
    assert found.by_seed.to_dict() == pytest.approx({0: 0.8, 1: 1.6})
    assert (found.mean, found.spread) == (pytest.approx(1.2), 4)
    of_seeds = 12.706 * np.std([0.8, 1.6], ddof=1) / np.sqrt(2)  # Student's t
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (0, 1.2 + math.hypot(4 - 1.2, of_seeds)), abs=1e-3
    )
    assert (found.n, found.total, found.unit, found.reasons, found.units.empty) == (1, 1, "subject", (), True)


def test_a_number_of_single_folds_alone_is_missing_with_a_reason():
    """Two folds whose gaps are large and opposite: together there is no gap, and before there was no reason."""
    folds = [(0.4, 0.8, 0.0), (0.8, 0.4, 1.0)]
    tables = []
    for fold, (cross, inside, share) in enumerate(folds):
        subject = {"subject": f"s{fold}", "label": "core"}
        own = [Score("dice", 0.6, **subject), Score("dice_cross", cross, **subject)]
        tables.append(rows([*own, Score("gap_recovered", share, label="core")], fold=fold))
        tables.append(rows([Score("dice", inside, **subject)], "source_on_source", fold=fold))
    found = aggregate(*tables).average(PAIR, "echo", quantities()["gap_recovered"])
    assert (found.there, found.reasons) == (False, ("single folds have a number, all together have none",))


def test_what_is_less_useful_than_nothing_does_not_contend_for_the_least_sensitivity():
    cards = {name: small.card(name, kind) for name, kind in (("floor", "control"), ("echo", "learned"))}
    config = small.benchmark_config(methods={"floor": {}, "echo": {}}, cards=cards)
    sensitivity = quantities()["sensitivity_auc_mse"]
    for own, contends in ((0.3, False), (0.5, True)):
        theirs = rows([Score("sensitivity_auc_mse", 0.1, subject="a")], "theirs")
        table = aggregate(rows(dice(a={"core": own})), rows(dice(a={"core": 0.4}), "floor"), theirs)
        assert table.contends(PAIR, "echo", sensitivity, config) is contends
        assert table.contends(PAIR, "echo", DICE, config)
        assert table.contends(PAIR, "theirs", sensitivity, config)  # its Dice is not known
        assert not table.contends(PAIR, "floor", DICE, config)
        assert not table.contends(PAIR, "target_on_target", DICE, config)
        assert not table.contends(PAIR, "echo", quantities()["volume_icc"], config)

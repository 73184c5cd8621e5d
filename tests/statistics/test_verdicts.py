"""Verdicts on claims, from scores whose answer is known."""

import numpy as np
import pandas as pd
import pytest
import small_benchmark as small

from benchmark.config.claims import Claim
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.registry import quantities
from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime.paths import Cell
from benchmark.statistics.aggregate import Aggregate
from benchmark.statistics.verdicts import Count, verdicts

PAIR = ("tiny", "AA", "BB")
DATASET = DatasetConfig.model_validate({"name": "tiny", **small.dataset_config()})
METHODS = ("ours", "a", "b")


def claim(quantity="dice", claimed="better", **changes):
    return Claim.model_validate(
        {
            "title": "Claim", "source": "nowhere", "quantity": quantity, "claimed": claimed,
            "methods": ["ours"], "than": ["a", "b"], **changes,
        }
    )  # fmt: skip


def verdict(made, *tables, methods=METHODS, cards=None, **changes):
    cards = {name: small.card(name, "learned") for name in methods} | (cards or {})
    config = small.benchmark_config(methods={name: {} for name in methods}, cards=cards, proposed="ours", **changes)
    scored = Aggregate(pd.concat(tables, ignore_index=True))
    return verdicts(made, quantities()[made.quantity], scored, DATASET, PAIR, config)


def rows(method, found, seed=0, fold=0):
    return scores.table(Cell("small", *PAIR, fold, method, seed), found)


def trained(method, mean, labels=("core",), metric="dice", subjects=20, seeds=3):
    """Scores of every seed; subjects vary by 0.02, seeds by 0.0005."""
    random = np.random.default_rng(ord(method[0]))
    level = mean if isinstance(mean, dict) else dict.fromkeys(labels, mean)
    return [
        rows(method, [Score(metric, level[x] + 0.02 * np.sin(i) + 0.001 * random.random(), subject=f"s{i:02}", label=x)
                      for i in range(subjects) for x in level], seed)
        for seed in range(seeds)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "a", "b", "claimed", "answer", "least"),
    [
        (0.7, 0.6, 0.5, "better", "supported", "a"),
        (0.6, 0.7, 0.5, "better", "contradicted", "a"),
        (0.6, 0.6, 0.5, "better", "undecided", "a"),
        (0.5, 0.6, 0.7, "worse", "supported", "a"),
        (0.65, 0.6, 0.7, "worse", "contradicted", "a"),
    ],
)
def test_every_difference_supports_and_one_contradicts(ours, a, b, claimed, answer, least):
    tables = [t for method, mean in zip(METHODS, (ours, a, b), strict=True) for t in trained(method, mean)]
    (found,) = verdict(claim(claimed=claimed), *tables)
    assert (found.answer, found.shown.other) == (answer, least)
    assert found.shown.difference.interval.mean == pytest.approx(ours - {"a": a, "b": b}[least], abs=1e-3)


def test_lower_is_better_where_the_quantity_says_so():
    tables = [t for m, v in (("ours", 0.1), ("a", 0.3), ("b", 0.4)) for t in trained(m, v, ("0.1",), "sensitivity_mse")]
    assert [each.answer for each in verdict(claim("sensitivity_mse"), *tables)] == ["supported"]


def test_each_class_has_a_verdict_of_its_own():
    values = {"ours": {"core": 0.7, "spot": 0.5}, "a": {"core": 0.6, "spot": 0.6}, "b": {"core": 0.5, "spot": 0.4}}
    found = verdict(claim(each_class=True), *(t for m, level in values.items() for t in trained(m, level)))
    assert [(each.label, each.answer) for each in found] == [("core", "supported"), ("spot", "contradicted")]


def test_one_statement_over_all_labels_leaves_out_those_it_names():
    values = {"ours": {"0": 0.5, "0.1": 0.2, "0.5": 0.3}, "a": {"0": 0.5, "0.1": 0.3, "0.5": 0.4}}
    tables = [t for m, level in values.items() for t in trained(m, level, metric="sensitivity_mse")]
    made = {"quantity": "sensitivity_mse", "than": ["a"]}
    assert verdict(claim(**made), *tables)[0].answer == "undecided"
    (found,) = verdict(claim(**made, without=["0"]), *tables)
    assert (found.answer, found.why) == ("supported", "2 of 2 significant")


def test_p_values_are_corrected_over_the_comparisons_of_a_claim():
    """A difference with p of 0.04 alone is significant, and is not beside another."""
    values = [0.6825 + 0.02 * np.sin(i) + 0.045 * np.cos(2.4 * i) for i in range(20)]
    own = [Score("dice", value, subject=f"s{i:02}", label="core") for i, value in enumerate(values)]
    noisy = [rows("b", own, seed) for seed in range(3)]
    tables = [*trained("ours", 0.7), *trained("a", 0.7), *noisy]
    (alone,) = verdict(claim(than=["b"]), *tables)
    assert 0.025 < alone.shown.difference.p < 0.05
    assert alone.answer == "supported"
    assert verdict(claim(), *tables)[0].why == "0 of 2 significant"


@pytest.mark.parametrize(
    ("few", "why"),
    [({"subjects": 8}, "a test needs 20 subjects; there are 8"), ({"seeds": 2}, "a test needs 3 seeds")],
)
def test_too_few_subjects_or_seeds_are_not_tested(few, why):
    tables = [t for method, mean in (("ours", 0.7), ("a", 0.6), ("b", 0.5)) for t in trained(method, mean, **few)]
    (found,) = verdict(claim(), *tables)
    assert found.answer == "not tested"
    assert found.why.startswith(why)
    assert found.shown.difference.interval.mean == pytest.approx(0.1, abs=1e-3)


def test_a_method_without_numbers_leaves_the_claim_untested_unless_another_contradicts_it():
    failed = rows("b", [missing("dice", "failed", "diverged")])
    (found,) = verdict(claim(), *trained("ours", 0.7), *trained("a", 0.6), failed)
    assert (found.answer, found.why) == ("not tested", "B: failed: diverged")
    (found,) = verdict(claim(), *trained("ours", 0.5), *trained("a", 0.6), failed)
    assert (found.answer, found.shown.other) == ("contradicted", "a")
    (found,) = verdict(claim(), *trained("ours", 0.7), *trained("a", 0.6), methods=("ours", "a"))
    assert (found.answer, found.why) == ("not tested", "b: not in this benchmark")


def test_a_method_that_cannot_be_run_on_such_labels_has_no_part():
    card = small.card("b", "learned").model_copy(update={"not_applicable": {DATASET.label_kind: "no"}})
    (found,) = verdict(claim(), *trained("ours", 0.7), *trained("a", 0.6), cards={"b": card})
    assert (found.answer, found.why) == ("supported", "1 of 1 significant")


def kid(method, values):
    """Each training's KID, half its interval and KID before harmonization."""
    return [
        rows(method, [Score("kid", v), Score("kid_margin", 0.05), Score("kid_before", 0.5)], seed)
        for seed, v in enumerate(values)
    ]


SUBJECTS = [t for method in METHODS for t in trained(method, 0.5)]


def test_kids_differ_where_intervals_do_not_overlap_and_seeds_are_part_of_them():
    apart = [*kid("ours", [0.1, 0.1, 0.1]), *kid("a", [0.3, 0.3, 0.3]), *kid("b", [0.4, 0.4, 0.4])]
    (found,) = verdict(claim("kid"), *SUBJECTS, *apart)
    assert found.answer == "supported"
    ends = found.shown.difference.interval
    assert (ends.low, ends.high) == pytest.approx((-0.3, -0.1))
    near = [*kid("ours", [0.1, 0.1, 0.1]), *kid("a", [0.19, 0.19, 0.19]), *kid("b", [0.4, 0.4, 0.4])]
    assert verdict(claim("kid"), *SUBJECTS, *near)[0].answer == "undecided"
    loose = [*kid("ours", [0.0, 0.1, 0.2]), *kid("a", [0.3, 0.3, 0.3]), *kid("b", [0.4, 0.4, 0.4])]
    assert verdict(claim("kid"), *SUBJECTS, *loose)[0].answer == "undecided"


def test_a_pair_that_is_unfit_for_kid_is_not_tested_on_it_and_is_on_dice():
    scored = [t for method, v in (("ours", 0.1), ("a", 0.3), ("b", 0.4)) for t in kid(method, [v] * 3)]
    unfit = [*scored, rows("target_on_target", [Score("kid", 0.6)])]
    (found,) = verdict(claim("kid"), *SUBJECTS, *unfit)
    assert (found.answer, found.shown) == ("not tested", None)
    assert found.why.startswith("unfit: KID of source against target")
    assert verdict(claim(), *SUBJECTS, *unfit)[0].answer == "undecided"


def inverted(method, trainings):
    """A third or two thirds of the subjects of each training inverted."""
    return [
        rows(method, [Score("contrast_inverted", float(i < 1 + yes), subject=f"s{i}") for i in range(3)], seed)
        for seed, yes in enumerate(trainings)
    ]


INVERSION = {"quantity": "contrast_inverted", "than": ["a"], "unit": "training", "start": "random"}


def test_trainings_are_counted_and_not_subjects():
    (found,) = verdict(claim(**INVERSION), *inverted("ours", [0] * 6), *inverted("a", [1, 1, 1, 1, 1, 0]))
    assert (found.answer, found.shown.counts) == ("supported", (Count(0, 6), Count(5, 6)))
    assert found.shown.difference.p == pytest.approx(14 / 924)  # Fisher: two tables of 0/6, 5/6, by hand
    (found,) = verdict(claim(**INVERSION), *inverted("ours", [1] * 6), *inverted("a", [0] * 6))
    assert found.answer == "contradicted"
    (found,) = verdict(claim(**INVERSION), *inverted("ours", [0] * 3), *inverted("a", [1] * 3))
    assert (found.answer, found.why) == ("not tested", "3 and 3 trainings: p is at least 0.1")


def test_a_share_has_its_exact_interval():
    found = Count(0, 5).interval
    assert (found.low, found.high) == pytest.approx((0, 1 - 0.025 ** (1 / 5)))


def test_a_claim_about_another_start_or_an_unscored_quantity_is_not_tested():
    training = {"schedule": small.SCHEDULE, "width": 4, "start": "identity", "identity_steps": 1}
    tables = [*inverted("ours", [0] * 6), *inverted("a", [1] * 6)]
    (found,) = verdict(claim(**INVERSION), *tables, training=training)
    assert (found.answer, found.why) == ("not tested", "trainings start from identity, the claim's from random")
    (found,) = verdict(claim("iou"), *tables)
    assert (found.answer, found.why) == ("not tested", "IoU was not scored")

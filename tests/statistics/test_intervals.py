"""Intervals and tests over crossed subjects and seeds."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics.intervals import Estimate, crossed, holm, mean_over_labels
from studies.statistics import coverage, family_error

NAN = math.nan


def test_labels_are_averaged_after_subjects():
    values = np.array([[0.2, 0.9], [0.6, NAN], [0.7, NAN]])
    assert mean_over_labels(values) == pytest.approx((0.5 + 0.9) / 2)  # not the mean of all numbers, 0.6
    assert mean_over_labels(np.array([[0.2, NAN], [0.4, NAN]])) == pytest.approx(0.3)


def test_symmetric_numbers_of_one_seed_have_students_interval_and_p():
    values = np.concatenate([np.arange(1.0, 9.0), -np.arange(1.0, 9.0)])[:, None] + 1
    found = Estimate.of(values)
    expected = stats.ttest_1samp(values[:, 0], 0)
    low, high = expected.confidence_interval(0.95)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.p == pytest.approx(expected.pvalue)


def test_the_error_is_that_of_the_analysis_of_variance():
    """Against the mean squares of statsmodels' definition, computed here from sums over the table."""
    random = np.random.default_rng(0)
    values = random.normal(size=(12, 1)) + random.normal(size=(1, 4)) + 0.5 * random.normal(size=(12, 4))
    total = ((values - values.mean()) ** 2).sum()
    subjects = 4 * ((values.mean(axis=1) - values.mean()) ** 2).sum()
    seeds = 12 * ((values.mean(axis=0) - values.mean()) ** 2).sum()
    rest = (total - subjects - seeds) / 33
    assert Estimate.of(values).error == pytest.approx(math.sqrt((subjects / 11 + seeds / 3 - rest) / 48))


def test_seeds_that_differ_widen_the_interval():
    subjects = np.linspace(0, 1, 20)[:, None]
    alike, apart = (Estimate.of(subjects + spread * np.array([-1.0, 0, 1])).interval for spread in (0.0, 0.3))
    assert apart.high - apart.low > 2 * (alike.high - alike.low)


def test_a_skewed_sample_has_a_longer_arm_to_the_side_of_its_tail():
    found = Estimate.of(np.array([1, 1.1, 1.2, 1.3, 1.5, 2, 3, 9.0])[:, None]).interval
    assert found.high - found.mean > 1.5 * (found.mean - found.low)


def test_intervals_and_p_do_not_depend_on_the_order_of_subjects_seeds_and_labels():
    random = np.random.default_rng(1)
    values = random.lognormal(size=(9, 3, 2))
    values[2, :, 1] = NAN
    mean = 1.0
    one, other = Estimate.of(crossed(values, mean)), Estimate.of(crossed(values[::-1, ::-1, ::-1], mean))
    assert (one.interval.low, one.p) == pytest.approx((other.interval.low, other.p), rel=1e-12)


def test_rounding_of_the_numbers_moves_the_ends_by_no_more():
    values = np.random.default_rng(2).beta(8, 2, (20, 3))
    exact, rounded = Estimate.of(values).interval, Estimate.of(values.round(9)).interval
    assert (rounded.low, rounded.high) == pytest.approx((exact.low, exact.high), abs=2e-9)


def test_equal_numbers_have_an_interval_without_width():
    found = Estimate.of(np.full((4, 2), 0.3))
    assert (found.interval.low, found.interval.high, found.p) == (found.mean, found.mean, 0.0)
    assert Estimate.of(np.zeros((4, 2))).p == 1


def test_a_table_with_gaps_becomes_one_with_the_same_mean():
    values = np.array([[[0.2, 0.9]], [[0.6, NAN]], [[0.7, NAN]]])
    table = crossed(values, mean_over_labels(values[:, 0]))
    assert table.mean() == pytest.approx((0.5 + 0.9) / 2)
    assert table[:, 0].tolist() == pytest.approx([0.55, 0.75, 0.8])  # the spot that two subjects lack is average there


def test_complete_numbers_of_one_label_stay_as_they_are():
    values = np.random.default_rng(3).normal(size=(5, 2, 1))
    np.testing.assert_allclose(crossed(values, float(values.mean())), values[:, :, 0])


def test_holm_corrects_step_by_step():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]


@pytest.mark.parametrize(("distribution", "seeds", "deviation"), [("beta", 1, 0.0), ("exponential", 3, 0.3)])
def test_intervals_cover_the_mean(distribution, seeds, deviation):
    """A fast version of ``python -m studies.statistics``; 600 repetitions err by 0.9 %."""
    assert 0.92 <= coverage(distribution, 12, seeds, deviation, 600) <= 0.98


@pytest.mark.parametrize(("distribution", "deviation"), [("exponential", 0.0), ("normal", 1.0)])
def test_tests_hold_the_family_wise_error(distribution, deviation):
    assert family_error(distribution, 20, 3, deviation, 300) <= 0.06

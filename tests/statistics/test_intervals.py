import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from benchmark.statistics.intervals import Interval, mean_interval, mean_over_labels, tied_with_best

NAN = math.nan


def test_labels_are_averaged_after_subjects():
    values = np.array([[1.0, NAN], [0.0, NAN], [0.5, 0.9]])
    assert mean_over_labels(values) == pytest.approx((0.5 + 0.9) / 2)  # not the mean of all numbers, 0.6


def test_a_label_without_any_number_is_left_out():
    assert mean_over_labels(np.array([[0.2, NAN], [0.4, NAN]])) == pytest.approx(0.3)


def test_the_interval_is_scipys_bca_bootstrap_of_the_mean():
    values = np.random.default_rng(0).exponential(size=12)
    found = mean_interval(values[:, None], "x")
    expected = bootstrap((values,), np.mean, n_resamples=9999, method="BCa", rng=1).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.05)
    assert found.mean - found.low < found.high - found.mean  # bent with the skewed sample, as BCa does


def test_covers_the_true_mean_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    samples = [mean_interval(random.normal(size=(20, 1)), i) for i in range(150)]
    assert 0.86 < np.mean([s.low <= 0 <= s.high for s in samples]) < 0.99


def test_is_the_same_each_time_and_depends_on_what_it_is_of():
    values = np.random.default_rng(0).normal(size=(6, 2))
    assert mean_interval(values, "a", 1) == mean_interval(values, "a", 1)
    assert mean_interval(values, "a", 1) != mean_interval(values, "a", 2)


def test_few_or_equal_subjects():
    one = mean_interval(np.array([[0.5, 0.7], [NAN, NAN]]), "x")
    assert one.mean == pytest.approx(0.6)
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert mean_interval(np.full((4, 2), 0.3), "x") == Interval(
        pytest.approx(0.3), pytest.approx(0.3), pytest.approx(0.3)
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(*[st.sampled_from([NAN, 0.0, 0.5, 1.0])] * 2), min_size=2, max_size=6), st.integers(0, 99))
def test_the_interval_holds_the_mean_and_is_finite(rows, seed):
    values = np.array(rows)
    if (~np.isnan(values)).any(axis=1).sum() < 2:
        return
    found = mean_interval(values, seed)
    assert found.low - 1e-12 <= found.mean <= found.high + 1e-12


def test_intervals_that_overlap_the_best_are_tied_with_it():
    intervals = {
        "best": Interval(0.8, 0.7, 0.9),
        "near": Interval(0.6, 0.5, 0.7),
        "far": Interval(0.5, 0.4, 0.69),
        "alone": Interval(0.1, NAN, NAN),
    }
    assert tied_with_best(intervals, "higher") == {"best", "near", "alone"}
    assert tied_with_best({k: v for k, v in intervals.items() if k != "alone"}, "lower") == {"far", "near"}
    assert tied_with_best({}, "higher") == set()

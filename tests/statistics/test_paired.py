import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, permutation_test

from benchmark.statistics.paired import LARGEST_EXACT, holm, sign_flip_test, smallest_p

differences = st.lists(st.floats(-5, 5).map(lambda x: round(x, 2)), min_size=1, max_size=8).map(np.array)


@settings(deadline=None)
@given(differences)
def test_counts_the_sign_patterns_that_are_at_least_as_extreme(values):
    patterns = np.array(list(itertools.product([1, -1], repeat=len(values))))
    sums = np.abs(patterns @ values)
    expected = np.mean(sums >= abs(values.sum()) - 1e-9 * np.abs(values).sum())
    assert sign_flip_test(values) == pytest.approx(expected)


@pytest.mark.parametrize("count", [4, 7, 12])
def test_agrees_with_scipys_permutation_test(count):
    values = np.random.default_rng(count).normal(0.4, 1, count)
    expected = permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_test(values) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 5, 6, 20, LARGEST_EXACT])
def test_no_p_is_under_two_in_two_to_the_n(count):
    all_better = np.linspace(0.1, 0.9, count)
    assert sign_flip_test(all_better) == smallest_p(count)
    assert smallest_p(5) == 0.0625


def test_many_subjects_are_tested_with_random_patterns():
    values = np.random.default_rng(0).normal(0.3, 1, LARGEST_EXACT + 20)
    statistic = abs(values.sum()) / np.sqrt((values**2).sum())  # of unit variance under random signs
    assert sign_flip_test(values) == pytest.approx(2 * norm.sf(statistic), abs=0.004)
    assert sign_flip_test(values) == sign_flip_test(values)


def test_a_test_of_no_difference_gives_one():
    assert sign_flip_test(np.zeros(6)) == 1
    assert sign_flip_test(np.array([0.0, 0.0, 0.3])) == 1


def test_holms_correction_of_a_worked_example():
    # Holm 1979: the least is multiplied by 4, the next by 3, ...; never less than one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_keeps_the_order_and_never_lowers_a_p(p_values):
    corrected = holm(p_values)
    assert all(p <= c <= 1 for p, c in zip(p_values, corrected, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert all(a <= b for a, b in itertools.pairwise(np.array(corrected)[order]))

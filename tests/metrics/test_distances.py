"""KID and FID of given features; that the features are the autoencoder's is in tests/judges."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import linalg, stats

from benchmark.metrics.fid import fid
from benchmark.metrics.kid import KID, kernel_sums, kid, margin, mmd2
from benchmark.results import scores
from benchmark.results.scores import Score
from benchmark.runtime.paths import Cell


def features(n, d, seed, shift=0.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(shift, 1, (n, d)))


def unbiased_mmd2(x, y):
    """Eq. 4 of Bińkowski et al. 2018, term by term."""

    def kernel(a, b):
        return (np.dot(a, b) / len(a) + 1) ** 3

    m, n = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    between = sum(kernel(a, b) for a in x for b in y) / (m * n)
    return within_x + within_y - 2 * between


def test_kid_of_whole_sets_is_the_unbiased_mmd_and_has_no_spread():
    x, y = features(12, 7, 0), features(12, 7, 1, shift=0.5)
    mean, deviation = kid(x, y, subsets=5, subset_size=12, seed=0)
    assert mean == pytest.approx(unbiased_mmd2(x.numpy(), y.numpy()), abs=1e-6)
    assert deviation == pytest.approx(0, abs=1e-12)


def test_kid_averages_over_subsets_drawn_without_replacement():
    x, y = features(15, 5, 0), features(11, 5, 1, shift=0.5)
    draw = np.random.RandomState(4)
    subsets = [
        unbiased_mmd2(x.numpy()[draw.choice(15, 6, replace=False)], y.numpy()[draw.choice(11, 6, replace=False)])
        for _ in range(8)
    ]
    mean, deviation = kid(x, y, subsets=8, subset_size=6, seed=4)
    assert mean == pytest.approx(np.mean(subsets), abs=1e-6)
    assert deviation == pytest.approx(np.std(subsets), abs=1e-6)


def subjects(counts, seed, shift=0.0, spread=0.0, d=4):
    """Features of subjects with so many slices each, which differ from each other by ``spread``."""
    random = np.random.default_rng(seed)
    return [torch.from_numpy(random.normal(shift, 1, (n, d)) + random.normal(0, spread, d)) for n in counts]


def test_the_distance_without_a_subject_is_that_of_the_slices_of_the_others():
    x, y = subjects((3, 4, 2), 0), subjects((5, 3), 1, shift=0.5)
    arrays, is_first = [f.numpy() for f in (*x, *y)], np.array([True] * 3 + [False] * 2)
    sums, counts = kernel_sums(arrays), np.array([len(a) for a in arrays])
    for left_out in (None, *range(5)):
        kept = np.arange(5) != left_out
        sides = (
            np.concatenate([a for a, k in zip(arrays, kept & side, strict=True) if k]) for side in (is_first, ~is_first)
        )
        assert mmd2(sums, counts, is_first, kept) == pytest.approx(unbiased_mmd2(*sides))


def test_the_interval_of_kid_is_the_jackknife_over_subjects():
    x, y = subjects((3, 4, 2), 0), subjects((5, 3, 4), 1, shift=0.5)

    def without(sets, i):
        return [torch.cat([f for j, f in enumerate(s) if (k, j) != i]).numpy() for k, s in enumerate(sets)]

    variance = 0
    for which, count in ((0, 3), (1, 3)):
        left = [unbiased_mmd2(*without((x, y), (which, i))) for i in range(count)]
        variance += (count - 1) / count * ((np.array(left) - np.mean(left)) ** 2).sum()
    assert margin(x, y) == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(variance))
    assert np.isnan(margin(x, y[:1]))


def test_the_interval_holds_the_kid_of_a_population_of_subjects_at_least_as_often_as_it_says():
    """The deviation over subsets is of slices: an interval of it would hold that KID in a seventh of the draws."""

    def draw(seed, n):
        x = subjects((10,) * n, (seed, 0), spread=1.0)
        return x, subjects((10,) * n, (seed, 1), shift=0.7, spread=1.0)

    (x, y), held, by_slices = draw(0, 300), [], []
    everyone = np.arange(600)
    sums, counts = kernel_sums([f.numpy() for f in (*x, *y)]), np.full(600, 10)
    truth = mmd2(sums, counts, everyone < 300, everyone >= 0)
    for seed in range(1, 81):
        x, y = draw(seed, 8)
        mean, deviation = kid(torch.cat(x), torch.cat(y), subsets=20, subset_size=40, seed=0)
        held.append(abs(mean - truth) <= margin(x, y))
        by_slices.append(abs(mean - truth) <= 1.96 * deviation / np.sqrt(20))
    assert np.mean(held) >= 0.95
    assert np.mean(by_slices) < 0.3


def interval(*folds):
    """Of folds with a KID and a margin (or none), or of several seeds of each."""
    frames = [
        scores.table(
            Cell("small", "tiny", "AA", "BB", fold, "echo", seed),
            [Score("kid", value), *([Score("kid_margin", half)] if half is not None else [])],
        )
        for fold, seeds in enumerate(folds)
        for seed, (value, half) in enumerate(seeds)
    ]
    return KID.interval(pd.concat(frames))


def test_intervals_of_folds_are_joined_and_folds_of_one_subject_are_subjects():
    assert interval([(0.5, 0.1)]) == pytest.approx((0.4, 0.6))
    assert interval([(0.4, 0.1), (0.6, 0.3)]) == pytest.approx((0.3, 0.7))
    assert interval([(0.5, 0.3)], [(0.7, 0.4)]) == pytest.approx((0.6 - 0.25, 0.6 + 0.25))
    values = np.array([0.1, 0.3, 0.8])
    half = stats.t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3)
    assert interval(*([(v, None)] for v in values)) == pytest.approx((0.4 - half, 0.4 + half))
    assert np.isnan(interval([(0.5, None)])).all()


def test_kid_of_one_distribution_is_around_zero_and_grows_with_the_shift():
    near, far, farther = (kid(features(200, 8, 0), features(200, 8, 1, s), 20, 100, 0)[0] for s in (0, 0.5, 1))
    assert abs(near) < 0.1
    assert near < far < farther


def test_fid_is_the_wasserstein_distance_of_the_gaussians():
    x, y = features(60, 6, 0).numpy(), features(50, 6, 1, shift=0.3).numpy() @ np.diag(np.arange(1, 7))
    covariances = [np.cov(f, rowvar=False) for f in (x, y)]
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert fid(torch.from_numpy(x), torch.from_numpy(y)) == pytest.approx(expected, abs=1e-6)


def test_fid_of_a_shifted_set_is_the_squared_shift_and_of_equal_sets_zero():
    x = features(40, 5, 0)
    shift = torch.tensor([1.0, 0, -2, 0, 0.5], dtype=torch.float64)
    assert fid(x, x + shift) == pytest.approx(float((shift**2).sum()), abs=1e-6)
    assert fid(x, x) == pytest.approx(0, abs=1e-6)

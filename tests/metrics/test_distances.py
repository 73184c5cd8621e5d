"""KID and FID of given features; that the features are the autoencoder's is in tests/judges."""

import numpy as np
import pytest
import torch
from scipy import linalg

from benchmark.metrics.fid import fid
from benchmark.metrics.kid import kid


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

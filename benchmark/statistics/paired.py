"""Tests on paired differences between two methods; the unit is the subject."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmark.data.sampling import stream

LARGEST_EXACT = 40
"""Most subjects for which the test counts all sign patterns (2⁴⁰ take under a second)."""
RANDOM_PATTERNS = 99_999
"""Sign patterns drawn for more subjects."""


def smallest_p(subjects: int) -> float:
    """The least two-sided p of a sign-flip test of n subjects: 2 / 2ⁿ."""
    return min(1.0, 2.0 / 2.0**subjects)


def sign_flip_test(differences: npt.NDArray[np.float64]) -> float:
    """Exact two-sided p of the mean difference under random signs (Fisher's randomization test of paired samples).

    The share of the 2ⁿ sign patterns whose mean is at least as far from 0 as the observed one; for more than
    ``LARGEST_EXACT`` subjects estimated from ``RANDOM_PATTERNS`` random patterns.

    Args:
        differences: one for each subject.
    """
    count = len(differences)
    if count > LARGEST_EXACT:
        return _random_sign_flip_test(differences)
    # Tied sums may differ in the last digits.
    least = abs(differences.sum()) - 1e-9 * np.abs(differences).sum()
    if least <= 0:
        return 1.0
    # Every sum is one over the first half of the subjects plus one over the second (Horowitz & Sahni 1974).
    first, second = np.sort(_signed_sums(differences[: count // 2])), _signed_sums(differences[count // 2 :])
    above = len(first) * len(second) - np.searchsorted(first, least - second, side="left").sum()
    below = np.searchsorted(first, -least - second, side="right").sum()
    return float(above + below) / 2**count


def _random_sign_flip_test(differences: npt.NDArray[np.float64]) -> float:
    from scipy.stats import permutation_test

    random = stream("sign flips", len(differences))
    options = {"permutation_type": "samples", "n_resamples": RANDOM_PATTERNS, "batch": 1000, "rng": random}
    return float(permutation_test((differences,), np.mean, vectorized=True, **options).pvalue)


def _signed_sums(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: adjusted p-values in the given order (Holm 1979)."""
    adjusted = np.zeros(len(p_values))
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted.tolist()

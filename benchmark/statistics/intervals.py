"""Bootstrap intervals over subjects, and ties with the best."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmark.data.sampling import stream

CONFIDENCE = 0.95
RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """A mean over subjects with its 95 % interval; the ends are NaN for fewer than two subjects."""

    mean: float
    low: float
    high: float


def mean_over_labels(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each label the mean over subjects, then the mean over labels; missing numbers (NaN) are left out.

    Args:
        values: (..., subjects, labels), with at least one number in each (subjects, labels).

    Returns:
        Shape (...).
    """
    there = ~np.isnan(values)
    counts = there.sum(axis=-2)
    sums = np.where(there, values, 0.0).sum(axis=-2)
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
    return means.sum(axis=-1) / (counts > 0).sum(axis=-1)


def mean_interval(values: npt.NDArray[np.float64], *identity: object) -> Interval:
    """Mean over labels with a bias-corrected and accelerated bootstrap interval over subjects (Efron 1987).

    Subjects without any number are left out. Where leaving out any one subject gives the same mean, both ends are the
    mean. A single subject has no interval.

    Args:
        values: (subjects, labels), NaN where there is no number; at least one number.
        identity: names what the interval is of; it seeds the resamples.
    """
    from scipy.stats import bootstrap

    values = values[~np.isnan(values).all(axis=1)]
    count = len(values)
    mean = float(mean_over_labels(values))
    if count < 2:
        return Interval(mean, math.nan, math.nan)
    others = [mean_over_labels(np.delete(values, i, axis=0)) for i in range(count)]
    if np.ptp(others) <= 1e-12 * np.abs(others).max():
        return Interval(mean, mean, mean)
    found = bootstrap(
        (np.arange(count),),
        # Subjects are resampled, each with all of its labels.
        lambda drawn, axis: mean_over_labels(values[drawn]),
        vectorized=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=stream("bootstrap", *identity),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def tied_with_best(intervals: Mapping[str, Interval], better: Literal["higher", "lower"]) -> set[str]:
    """Names whose interval overlaps that of the best mean, the best included; a missing interval is a tie."""
    if not intervals:
        return set()
    pick = max if better == "higher" else min
    best = intervals[pick(intervals, key=lambda name: intervals[name].mean)]
    return {
        name
        for name, other in intervals.items()
        # Comparisons with NaN are false.
        if not (other.high < best.low or other.low > best.high)
    }

"""Agreement of two measurements of the same subjects."""

import math

import numpy as np
import numpy.typing as npt


def intraclass_correlation(ratings: npt.NDArray[np.float64]) -> float:
    """ICC(2,1): two-way random effects, absolute agreement, single measurement (Shrout & Fleiss 1979).

    Args:
        ratings: (subjects, measurements), at least two of each.

    Returns:
        At most 1; NaN where nothing varies at all.
    """
    n, k = ratings.shape
    grand = ratings.mean()
    between_subjects = k * ((ratings.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    between_measurements = n * ((ratings.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    total = ((ratings - grand) ** 2).sum()
    error = (total - between_subjects * (n - 1) - between_measurements * (k - 1)) / ((n - 1) * (k - 1))
    variance = between_subjects + (k - 1) * error + k * (between_measurements - error) / n
    return float((between_subjects - error) / variance) if total > 0 else math.nan

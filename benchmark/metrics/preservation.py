"""Whether the anatomy survives: volumes of the classes before and after harmonization."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need, Segmentation
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

FEWEST_SUBJECTS = 3


SDS = 1.96
"""Standard deviations from the bias to a limit of agreement: 95 % of normal differences lie within."""


def mean_squares(ratings: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Of a two-way analysis of variance: between subjects, between measurements, and the residual.

    Args:
        ratings: (subjects, measurements), at least two of each.
    """
    n, k = ratings.shape
    subjects, measurements, grand = ratings.mean(axis=1), ratings.mean(axis=0), ratings.mean()
    residuals = ratings - subjects[:, None] - measurements + grand
    return (
        k * float(((subjects - grand) ** 2).sum()) / (n - 1),
        n * float(((measurements - grand) ** 2).sum()) / (k - 1),
        float((residuals**2).sum()) / ((n - 1) * (k - 1)),
    )


def intraclass_correlation(ratings: npt.NDArray[np.float64]) -> float:
    """ICC(2,1): two-way random effects, absolute agreement, single measurement (Shrout & Fleiss 1979).

    Args:
        ratings: (subjects, measurements), at least two of each.

    Returns:
        At most 1; NaN where all ratings are equal.
    """
    if np.ptp(ratings) == 0:
        return math.nan
    n, k = ratings.shape
    subjects, measurements, error = mean_squares(ratings)
    return (subjects - error) / (subjects + (k - 1) * error + k * (measurements - error) / n)


def correlation_interval(ratings: npt.NDArray[np.float64]) -> tuple[float, float]:
    """95 % interval of ICC(2,1) by McGraw & Wong 1996, Psychological Methods 1(1), Table 7, ICC(A,1).

    Args:
        ratings: (subjects, measurements), at least two of each.

    Returns:
        NaN where the approximation has less than one degree of freedom, as for equal ratings.
    """
    from scipy.stats import f

    (n, k), icc = ratings.shape, intraclass_correlation(ratings)
    subjects, measurements, error = mean_squares(ratings)
    parts = k * icc * measurements, (n * (1 - icc) + k * icc * (n - 1)) * error
    scale = parts[0] ** 2 / (k - 1) + parts[1] ** 2 / ((n - 1) * (k - 1))
    freedom = sum(parts) ** 2 / scale if scale else 0.0
    if not freedom >= 1:
        return math.nan, math.nan
    below, above = f.isf(0.025, n - 1, freedom), f.isf(0.025, freedom, n - 1)
    rest = k * measurements + (k * n - k - n) * error
    low = n * (subjects - below * error) / (below * rest + n * subjects)
    high = n * (above * subjects - error) / (rest + n * above * subjects)
    return float(low), float(high)


def _pairs(own: pd.DataFrame) -> list[npt.NDArray[np.float64]]:
    """Volumes before and after, (subjects, 2), of each label over the subjects of all folds; none for too few."""
    before, after = (quantity.by("subject", own) for quantity in (BEFORE, AFTER))
    if len(before) < FEWEST_SUBJECTS:
        return []
    return [np.stack([before[label], after[label]], axis=1) for label in before]


def _mean(values: Iterable[float]) -> float:
    """The mean of those that are numbers; NaN without any."""
    there = [value for value in values if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan


def pooled(own: pd.DataFrame, references: pd.DataFrame) -> float:
    """ICC of volumes over the subjects of all folds; mean over the labels."""
    return _mean(map(intraclass_correlation, _pairs(own)))


def interval(own: pd.DataFrame) -> tuple[float, float]:
    """95 % interval of the ICC; of several labels the mean ends, as wide as if the labels varied together."""
    ends = [correlation_interval(ratings) for ratings in _pairs(own)]
    return _mean(low for low, _ in ends), _mean(high for _, high in ends)


def limit(ratings: npt.NDArray[np.float64], sign: Literal[-1, 1]) -> float:
    """A limit of agreement (Bland & Altman 1986): mean difference ± 1.96 standard deviations.

    Args:
        ratings: volumes before and after, (subjects, 2), at least two subjects.
    """
    differences = ratings[:, 1] - ratings[:, 0]
    return float(differences.mean() + sign * SDS * differences.std(ddof=1))


def _limit(name: str, title: str, sign: Literal[-1, 1]) -> Quantity:
    return Quantity(
        name,
        title,
        "mL",
        "neither",
        (-math.inf, math.inf),
        BIAS.reference,
        pool=lambda own, references: _mean(limit(ratings, sign) for ratings in _pairs(own)),
        pooled_from=AFTER,
    )


BEFORE = Quantity(
    "volume_before", "Volume before harmonization, source's segmentor", "mL", "neither", (0, math.inf), "this benchmark"
)
AFTER = Quantity(
    "volume_after", "Volume after harmonization, target's segmentor", "mL", "neither", (0, math.inf), "this benchmark"
)
BIAS = Quantity(
    "volume_bias", "Volume after minus before", "mL", "neither", (-math.inf, math.inf), "Bland & Altman 1986, Lancet"
)
LOWER = _limit("volume_limit_lower", "Lower limit of agreement of volumes, after minus before", -1)
UPPER = _limit("volume_limit_upper", "Upper limit of agreement of volumes, after minus before", 1)
ICC = Quantity(
    "volume_icc",
    "Agreement of volumes, ICC(2,1)",
    "",
    "higher",
    (-math.inf, 1),
    "Shrout & Fleiss 1979, Psychol. Bull.",
    headline=True,
    # It falls with the spread of the subjects and knows no direction; bias and limits of agreement say what happened.
    bold="never",
    pool=pooled,
    pooled_from=AFTER,
    interval=interval,
)


class Preservation(Metric):
    """Volume of each class before and after harmonization and their difference by subject, and their agreement.

    Agreement is the mean difference (bias) with the limits between which 95 % of the differences lie, and the ICC with
    the interval of McGraw & Wong 1996, over the subjects of all folds.

    The source's segmentor measures the source image, the target's segmentor the harmonized one. Each image is thus
    measured by the segmentor of the scanner it claims to be of, so that a difference is the anatomy's.
    """

    name = "preservation"
    quantities = (BEFORE, AFTER, BIAS, LOWER, UPPER, ICC)
    needs = frozenset({Need.SEGMENTORS})

    def compute(self, view: CellView) -> Iterator[Score]:
        """Three rows for each class and subject, and three of agreement for each class."""
        values = list(view.pair.dataset.labels.values())
        before = {s.subject: volumes(s, values) for s in view.pair.segmentations("source", "source")}
        after = {s.subject: volumes(s, values) for s in view.segmentations()}
        for index, label in enumerate(view.pair.dataset.labels):
            ratings = np.array([[before[s][index], after[s][index]] for s in view.subjects])
            for subject, (old, new) in zip(view.subjects, ratings, strict=True):
                for quantity, value in ((BEFORE, old), (AFTER, new), (BIAS, new - old)):
                    yield quantity.score(float(value), subject, label)
            yield from agreement(ratings, label)


def volumes(segmentation: Segmentation, values: list[int]) -> npt.NDArray[np.float64]:
    """Volume of each class in mL, as predicted."""
    counts = np.bincount(segmentation.prediction.ravel(), minlength=max(values) + 1)
    return counts[values] * math.prod(segmentation.spacing) / 1000


def agreement(ratings: npt.NDArray[np.float64], label: str) -> Iterator[Score]:
    """Limits of agreement and ICC of volumes (subjects, 2), or why there are none."""
    if len(ratings) < FEWEST_SUBJECTS:
        reason = f"agreement over subjects needs at least {FEWEST_SUBJECTS} of them; there are {len(ratings)}"
        for quantity in (LOWER, UPPER, ICC):
            yield quantity.score(math.nan, label=label, reason=reason)
        return
    yield LOWER.score(limit(ratings, -1), label=label)
    yield UPPER.score(limit(ratings, 1), label=label)
    yield ICC.score(intraclass_correlation(ratings), label=label, reason="all volumes are the same")

"""Whether the anatomy survives: volumes of the classes before and after harmonization."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need, Segmentation
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

FEWEST_SUBJECTS = 3


def intraclass_correlation(ratings: npt.NDArray[np.float64]) -> float:
    """ICC(2,1): two-way random effects, absolute agreement, single measurement (Shrout & Fleiss 1979).

    Args:
        ratings: (subjects, measurements), at least two of each.

    Returns:
        At most 1; NaN where all ratings are equal.
    """
    n, k = ratings.shape
    grand = ratings.mean()
    between_subjects = k * ((ratings.mean(axis=1) - grand) ** 2).sum() / (n - 1)
    between_measurements = n * ((ratings.mean(axis=0) - grand) ** 2).sum() / (k - 1)
    total = ((ratings - grand) ** 2).sum()
    error = (total - between_subjects * (n - 1) - between_measurements * (k - 1)) / ((n - 1) * (k - 1))
    variance = between_subjects + (k - 1) * error + k * (between_measurements - error) / n
    return float((between_subjects - error) / variance) if total > 0 else math.nan


def pooled(own: pd.DataFrame, in_domain: pd.DataFrame) -> float:
    """ICC of volumes over the subjects of all folds; mean over the labels."""
    before, after = (quantity.by("subject", own) for quantity in (BEFORE, AFTER))
    if len(before) < FEWEST_SUBJECTS:
        return math.nan
    found = [intraclass_correlation(np.stack([before[label], after[label]], axis=1)) for label in before]
    there = [value for value in found if not math.isnan(value)]
    return float(np.mean(there)) if there else math.nan


BEFORE = Quantity(
    "volume_before", "Volume before harmonization, source's segmentor", "mL", "neither", (0, math.inf), "this benchmark"
)
AFTER = Quantity(
    "volume_after", "Volume after harmonization, target's segmentor", "mL", "neither", (0, math.inf), "this benchmark"
)
BIAS = Quantity(
    "volume_bias", "Volume after minus before", "mL", "neither", (-math.inf, math.inf), "Bland & Altman 1986, Lancet"
)
ICC = Quantity(
    "volume_icc",
    "Agreement of volumes, ICC(2,1)",
    "",
    "higher",
    (-math.inf, 1),
    "Shrout & Fleiss 1979, Psychol. Bull.",
    headline=True,
    pool=pooled,
)


class Preservation(Metric):
    """Volume of each class before and after harmonization and their difference by subject, and their agreement.

    The source's segmentor measures the source image, the target's segmentor the harmonized one. Each image is thus
    measured by the segmentor of the scanner it claims to be of, so that a difference is the anatomy's.
    """

    name = "preservation"
    quantities = (BEFORE, AFTER, BIAS, ICC)
    needs = frozenset({Need.SEGMENTORS})

    def compute(self, view: CellView) -> Iterator[Score]:
        """Three rows for each class and subject, and one agreement for each class."""
        values = list(view.pair.dataset.labels.values())
        before = {s.subject: volumes(s, values) for s in view.pair.segmentations("source", "source")}
        after = {s.subject: volumes(s, values) for s in view.segmentations()}
        for index, label in enumerate(view.pair.dataset.labels):
            ratings = np.array([[before[s][index], after[s][index]] for s in view.subjects])
            for subject, (old, new) in zip(view.subjects, ratings, strict=True):
                for quantity, value in ((BEFORE, old), (AFTER, new), (BIAS, new - old)):
                    yield quantity.score(float(value), subject, label)
            yield agreement(ratings, label)


def volumes(segmentation: Segmentation, values: list[int]) -> npt.NDArray[np.float64]:
    """Volume of each class in mL, as predicted."""
    counts = np.bincount(segmentation.prediction.ravel(), minlength=max(values) + 1)
    return counts[values] * math.prod(segmentation.spacing) / 1000


def agreement(ratings: npt.NDArray[np.float64], label: str) -> Score:
    """ICC of volumes (subjects, 2), or why there is none."""
    if len(ratings) < FEWEST_SUBJECTS:
        reason = f"agreement over subjects needs at least {FEWEST_SUBJECTS} of them; there are {len(ratings)}"
        return ICC.score(math.nan, label=label, reason=reason)
    return ICC.score(intraclass_correlation(ratings), label=label, reason="all volumes are the same")

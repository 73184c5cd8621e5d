"""Whether the anatomy survives: volumes of the classes before and after harmonization."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmark.metrics.base import Metric, Need, Quantity, Segmentation
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score, missing

FEWEST_SUBJECTS = 3
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
)


class Preservation(Metric):
    """Volume of each class as the source segmentor finds it in the source image and the target segmentor in the
    harmonized one, their difference by subject, and their agreement over the fold's subjects.

    Each image is measured by the segmentor of the domain that it claims to be of, so that what differs is the anatomy
    and not the scanner: removing the scanner must not be bought with the anatomy.
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
                yield Score("volume_before", float(old), BEFORE.unit, subject, label)
                yield Score("volume_after", float(new), AFTER.unit, subject, label)
                yield Score("volume_bias", float(new - old), BIAS.unit, subject, label)
            yield agreement(ratings, label)


def volumes(segmentation: Segmentation, values: list[int]) -> npt.NDArray[np.float64]:
    """Volume of each class in mL, as predicted."""
    counts = np.bincount(segmentation.prediction.ravel(), minlength=max(values) + 1)
    return counts[values] * math.prod(segmentation.spacing) / 1000


def agreement(ratings: npt.NDArray[np.float64], label: str) -> Score:
    """ICC of volumes (subjects, 2), or why there is none."""
    from benchmark.statistics.agreement import intraclass_correlation

    if len(ratings) < FEWEST_SUBJECTS:
        reason = f"agreement over subjects needs at least {FEWEST_SUBJECTS} of them; there are {len(ratings)}"
        return missing("volume_icc", "skipped", reason, label=label)
    value = intraclass_correlation(ratings)
    if math.isnan(value):
        return missing("volume_icc", "skipped", "all volumes are the same", label=label)
    return Score("volume_icc", value, label=label)

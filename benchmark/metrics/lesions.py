"""Detection of single lesions, which overlap over all voxels does not show."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity, SegmentationMetric
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

RELOADED = "Maier-Hein et al. 2024, Nature Methods 21"
F1 = Quantity("lesion_f1", "Lesion-wise F1", "", "higher", (0, 1), RELOADED, headline=True)
ANY_OVERLAP = Quantity(
    "lesion_f1_any_overlap",
    "Lesion-wise F1, any overlap",
    "",
    "higher",
    (0, 1),
    "Commowick et al. 2018, Scientific Reports 8:13650",
    # One blob over all lesions is perfect by it.
    bold="never",
)
VOLUME_ERROR = Quantity(
    "volume_error", "Relative volume error", "", "lower", (0, math.inf), "Styner et al. 2008, MIDAS Journal"
)
INVENTED = Quantity("lesions_invented", "Lesions invented", "lesions", "lower", (0, math.inf), "this benchmark")
LOST = Quantity("lesions_lost", "Lesions lost", "lesions", "lower", (0, math.inf), "this benchmark")


@dataclass(frozen=True)
class Detection:
    """Counts of lesions.

    Attributes:
        reference: all of the reference.
        predicted: all of the prediction.
        matched: pairs of one of each.
        found: of the reference, those that the prediction touches.
        real: of the prediction, those that the reference touches.
    """

    reference: int
    predicted: int
    matched: int
    found: int
    real: int

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and positive predictive value of matches; NaN where neither has a lesion."""
        lesions = self.reference + self.predicted
        return 2 * self.matched / lesions if lesions else math.nan

    @property
    def any_overlap_f1(self) -> float:
        """The same with every touched lesion as detected, however many share one."""
        if not self.reference and not self.predicted:
            return math.nan
        if not self.found:
            return 0.0
        sensitivity, precision = self.found / self.reference, self.real / self.predicted
        return 2 * sensitivity * precision / (sensitivity + precision)


def detect(predicted: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], least_iou: float) -> Detection:
    """Counts 26-connected components, and matches them one to one so that the sum of their IoU is largest.

    Args:
        predicted: (slices, rows, columns).
        reference: same shape.
        least_iou: of a matched pair.
    """
    from scipy import ndimage
    from scipy.optimize import linear_sum_assignment

    neighbours = np.ones((3, 3, 3), bool)
    real, real_count = ndimage.label(reference, neighbours)
    seen, seen_count = ndimage.label(predicted, neighbours)
    both = predicted & reference
    (ours, theirs), common = np.unique([real[both], seen[both]], axis=1, return_counts=True)
    (found, row), (hit, column) = (np.unique(lesions, return_inverse=True) for lesions in (ours, theirs))
    iou = np.zeros((len(found), len(hit)))
    iou[row, column] = common / (np.bincount(real.ravel())[ours] + np.bincount(seen.ravel())[theirs] - common)
    iou[iou < least_iou] = 0
    matched = int(np.count_nonzero(iou[linear_sum_assignment(iou, maximize=True)]))
    return Detection(int(real_count), int(seen_count), matched, len(found), len(hit))


class LesionOptions(Strict):
    """When a predicted lesion is one of the reference."""

    # Lesions are a few voxels wide: a shift by one of them leaves a low IoU.
    least_iou: float = Field(0.1, gt=0, le=1, description="intersection over union of a matched pair, at least")


class Lesions(SegmentationMetric):
    """Lesion-wise F1, volume error, lesions invented and lesions lost, by subject and lesion class.

    Lesions of prediction and reference are matched one to one, in pairs with an IoU of at least 0.1 (option
    ``least_iou``); invented and lost ones are those without a partner. ``lesion_f1_any_overlap`` counts every lesion
    that is touched: to call everything a lesion is perfect by it. Volume error is |predicted - reference| / reference;
    a subject without lesions has none.
    """

    name = "lesions"
    quantities = (F1, ANY_OVERLAP, VOLUME_ERROR, INVENTED, LOST)
    option_model = LesionOptions

    def not_applicable(self, view: CellView) -> str | None:
        """Why there is nothing to detect, or None."""
        return None if view.pair.dataset.lesions else "no class of this dataset is one of lesions"

    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """Five rows for each lesion class."""
        subject = segmentation.subject
        for label in dataset.lesions:
            value = dataset.labels[label]
            predicted, reference = segmentation.prediction == value, segmentation.reference == value
            counts, volume = detect(predicted, reference, self.options.least_iou), int(reference.sum())
            error = abs(int(predicted.sum()) - volume) / volume if volume else math.nan
            for quantity, f1 in ((F1, counts.f1), (ANY_OVERLAP, counts.any_overlap_f1)):
                yield quantity.score(f1, subject, label, "there is no lesion in prediction or reference")
            yield VOLUME_ERROR.score(error, subject, label, "the reference has no lesion")
            yield INVENTED.score(counts.predicted - counts.matched, subject, label)
            yield LOST.score(counts.reference - counts.matched, subject, label)

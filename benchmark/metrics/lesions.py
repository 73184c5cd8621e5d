"""Detection of single lesions, which overlap over all voxels does not show."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity, SegmentationMetric
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

REFERENCE = "Commowick et al. 2018, Scientific Reports 8:13650"
F1 = Quantity("lesion_f1", "Lesion-wise F1", "", "higher", (0, 1), REFERENCE, headline=True)
VOLUME_ERROR = Quantity(
    "volume_error", "Relative volume error", "", "lower", (0, math.inf), "Styner et al. 2008, MIDAS Journal"
)
INVENTED = Quantity("lesions_invented", "Lesions invented", "lesions", "lower", (0, math.inf), "this benchmark")
LOST = Quantity("lesions_lost", "Lesions lost", "lesions", "lower", (0, math.inf), "this benchmark")


@dataclass(frozen=True)
class Detection:
    """Counts of lesions: in the reference, of those found; in the prediction, of those real."""

    reference: int
    found: int
    predicted: int
    real: int

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and positive predictive value; NaN where neither has a lesion."""
        if not self.reference and not self.predicted:
            return math.nan
        if not self.found:
            return 0.0
        sensitivity, precision = self.found / self.reference, self.real / self.predicted
        return 2 * sensitivity * precision / (sensitivity + precision)


def detect(predicted: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> Detection:
    """Counts 26-connected components; one is found, or real, if any of its voxels lies in the other mask.

    Args:
        predicted: (slices, rows, columns).
        reference: same shape.
    """
    from scipy import ndimage

    neighbours = np.ones((3, 3, 3), bool)
    real_labels, real_count = ndimage.label(reference, neighbours)
    seen_labels, seen_count = ndimage.label(predicted, neighbours)
    both = predicted & reference
    return Detection(
        int(real_count), len(np.unique(real_labels[both])), int(seen_count), len(np.unique(seen_labels[both]))
    )


class Lesions(SegmentationMetric):
    """Lesion-wise F1, volume error, lesions invented and lesions lost, by subject and lesion class.

    Volume error is |predicted - reference| / reference; a subject without lesions has none.
    """

    name = "lesions"
    quantities = (F1, VOLUME_ERROR, INVENTED, LOST)

    def not_applicable(self, view: CellView) -> str | None:
        """Why there is nothing to detect, or None."""
        return None if view.pair.dataset.lesions else "no class of this dataset is one of lesions"

    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """Four rows for each lesion class."""
        subject = segmentation.subject
        for label in dataset.lesions:
            value = dataset.labels[label]
            predicted, reference = segmentation.prediction == value, segmentation.reference == value
            counts, volume = detect(predicted, reference), int(reference.sum())
            error = abs(int(predicted.sum()) - volume) / volume if volume else math.nan
            yield F1.score(counts.f1, subject, label, "there is no lesion in prediction or reference")
            yield VOLUME_ERROR.score(error, subject, label, "the reference has no lesion")
            yield INVENTED.score(counts.predicted - counts.real, subject, label)
            yield LOST.score(counts.reference - counts.found, subject, label)

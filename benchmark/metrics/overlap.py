"""Overlap of the post-hoc segmentation with the reference (Section III-E)."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmark.config.dataset import DatasetConfig
from benchmark.data.slices import Labels
from benchmark.metrics.base import Quantity, SegmentationMetric
from benchmark.metrics.inputs import Segmentation
from benchmark.results.scores import Score

ABSENT = "the class is absent from prediction and reference"

DICE = Quantity(
    "dice",
    "Dice",
    "",
    "higher",
    (0, 1),
    "Dice 1945, Ecology 26(3)",
    headline=True,
    # Utility has an interval over subjects; KID has none, and its scale depends on the autoencoder.
    primary=True,
    shown_in="Table V",
    short="DC",
)
IOU = Quantity(
    "iou",
    "IoU",
    "",
    "higher",
    (0, 1),
    "Jaccard 1912, New Phytologist 11(2)",
    headline=True,
    shown_in="Table V",
    short="IoU",
)
GDICE = Quantity("gdice", "Generalized Dice", "", "higher", (0, 1), "Crum et al. 2006, IEEE TMI 25(11)", short="GDC")


def confusion(prediction: Labels, reference: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Voxel counts, shape (classes, classes): rows are the reference's classes, columns the prediction's."""
    pairs = reference.astype(np.int64).ravel() * classes + prediction.ravel()
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def dice(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Dice of every class, 2 |A ∩ B| / (|A| + |B|); NaN for a class that is absent from both."""
    sizes = counts.sum(axis=0) + counts.sum(axis=1)
    return np.divide(2 * np.diag(counts), sizes, out=np.full(len(counts), np.nan), where=sizes > 0)


def iou(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Intersection over union of every class; NaN for a class that is absent from both."""
    union = counts.sum(axis=0) + counts.sum(axis=1) - np.diag(counts)
    return np.divide(np.diag(counts), union, out=np.full(len(counts), np.nan), where=union > 0)


def generalized_dice(counts: npt.NDArray[np.int64]) -> float:
    """Generalized overlap of all foreground classes, 2 Σ |A_l ∩ B_l| / Σ (|A_l| + |B_l|); NaN without foreground.

    Crum et al. weight each label by an α_l. Here all are 1, the only choice that is defined where a label is absent
    from one of the two, as lesions often are.
    """
    sizes = (counts.sum(axis=0) + counts.sum(axis=1))[1:].sum()
    return float(2 * np.diag(counts)[1:].sum() / sizes) if sizes else np.nan


class Overlap(SegmentationMetric):
    """Dice and IoU of each foreground class and generalized Dice, on whole subjects (3-D).

    A class absent from both prediction and reference has no score.
    """

    name = "overlap"
    quantities = (DICE, IOU, GDICE)

    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """A row for each class and score, and one generalized Dice."""
        counts = confusion(segmentation.prediction, segmentation.reference, dataset.classes)
        for quantity, values in ((DICE, dice(counts)), (IOU, iou(counts))):
            for label, value in dataset.labels.items():
                yield quantity.score(float(values[value]), segmentation.subject, label, ABSENT)
        reason = "prediction and reference have no foreground"
        yield GDICE.score(generalized_dice(counts), segmentation.subject, reason=reason)

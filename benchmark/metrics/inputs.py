"""What metrics ask for, and the segmentations they are given."""

from dataclasses import dataclass
from enum import Enum

from benchmark.data.slices import Labels


class Need(Enum):
    """Something a metric depends on; where it is missing, the metric's rows are ``skipped`` with the reason."""

    LABELS = "label maps"
    TRUTH = "the truth of phantoms"
    SEGMENTORS = "the post-hoc segmentors"
    AUTOENCODER = "the pair's autoencoder"
    BACKWARD = "a method that also translates from target to source"


@dataclass(frozen=True)
class Segmentation:
    """Post-hoc segmentation and labels of one whole test subject, both (slices, rows, columns).

    Attributes:
        spacing: mm between slices, rows and columns.
    """

    subject: str
    prediction: Labels
    reference: Labels
    spacing: tuple[float, float, float]

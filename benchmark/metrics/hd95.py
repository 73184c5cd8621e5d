"""95th percentile of the Hausdorff distance between predicted and reference surfaces."""

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity, Segmentation, SegmentationMetric
from benchmark.metrics.overlap import ABSENT
from benchmark.scores import Score, missing

HD95 = Quantity(
    "hd95", "HD95", "mm", "lower", (0, math.inf), "Huttenlocher et al. 1993, IEEE PAMI 15(9)", headline=True
)


class HausdorffDistance95(SegmentationMetric):
    """HD95 of each foreground class on whole subjects, in mm.

    The distance to nothing is no number: a class absent from prediction or reference has no score.
    """

    name = "hd95"
    quantities = (HD95,)

    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """A row for each class."""
        for label, value in dataset.labels.items():
            predicted, reference = segmentation.prediction == value, segmentation.reference == value
            if predicted.any() and reference.any():
                distance = hausdorff_distance_95(predicted, reference, segmentation.spacing)
                yield Score("hd95", distance, HD95.unit, segmentation.subject, label)
            else:
                absent = {(False, False): ABSENT, (False, True): "the class is absent from the prediction"}
                reason = absent.get((predicted.any(), reference.any()), "the class is absent from the reference")
                yield missing("hd95", "skipped", reason, unit=HD95.unit, subject=segmentation.subject, label=label)


def hausdorff_distance_95(
    predicted: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], spacing: tuple[float, float, float]
) -> float:
    """HD95 of two masks of the same shape, neither empty; the larger of both directions.

    A surface is what erosion by the six neighbours takes away. Distances are in single precision, as in MONAI, whose
    numbers these are; loading it takes longer than this does on small images.

    Args:
        spacing: mm along each axis.
    """
    import torch
    from scipy import ndimage
    from scipy.spatial import KDTree

    box = ndimage.find_objects((predicted | reference).astype(np.uint8))[0]
    surfaces = [
        np.argwhere(mask & ~ndimage.binary_erosion(mask)) * np.array(spacing)
        for mask in (predicted[box], reference[box])
    ]
    directions = (KDTree(to, leafsize=32).query(points)[0] for points, to in (surfaces, surfaces[::-1]))
    return max(float(torch.quantile(torch.from_numpy(distances).float(), 0.95)) for distances in directions)

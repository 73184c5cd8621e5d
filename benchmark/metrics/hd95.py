"""95th percentile of the Hausdorff distance between predicted and reference surfaces."""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity, SegmentationMetric
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.overlap import ABSENT
from benchmark.results.scores import Score

HD95 = Quantity(
    "hd95", "HD95", "mm", "lower", (0, math.inf), "Huttenlocher et al. 1993, IEEE PAMI 15(9)", headline=True
)


class HausdorffDistance95(SegmentationMetric):
    """HD95 of each foreground class on whole subjects, in mm, by MONAI.

    A class absent from either prediction or reference has the worst distance, the diagonal of the volume, as in the
    BraTS challenge (Baid et al. 2021, arXiv:2107.02314): without it, a method that finds nothing would be averaged over
    its better subjects only (Maier-Hein et al. 2024, Nature Methods 21). A class absent from both has no score.
    """

    name = "hd95"
    quantities = (HD95,)

    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """A row for each class."""
        for label, value in dataset.labels.items():
            predicted, reference = segmentation.prediction == value, segmentation.reference == value
            distance = math.nan
            if predicted.any() and reference.any():
                distance = hausdorff_distance_95(predicted, reference, segmentation.spacing)
            elif predicted.any() or reference.any():
                distance = diagonal(reference.shape, segmentation.spacing)
            yield HD95.score(distance, segmentation.subject, label, ABSENT)


def diagonal(shape: tuple[int, ...], spacing: tuple[float, ...]) -> float:
    """Length of a volume's diagonal in mm: no two points of it are farther apart.

    Args:
        shape: voxels along each axis.
        spacing: mm along each axis.
    """
    return math.hypot(*(count * mm for count, mm in zip(shape, spacing, strict=True)))


def hausdorff_distance_95(
    predicted: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_], spacing: tuple[float, float, float]
) -> float:
    """HD95 of two masks of the same shape, neither empty; the larger of both directions.

    Args:
        spacing: mm along each axis.
    """
    import torch
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    y_pred, y = (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (predicted, reference))
    with warnings.catch_warnings():
        # MONAI 1.5 itself passes the argument that it deprecates.
        warnings.filterwarnings("ignore", r".*get_mask_edges:always_return_as_numpy", FutureWarning)
        return float(compute_hausdorff_distance(y_pred, y, include_background=True, percentile=95, spacing=spacing))

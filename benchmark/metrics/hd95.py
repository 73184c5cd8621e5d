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

    A class absent from prediction or reference has no score.
    """

    name = "hd95"
    quantities = (HD95,)

    def compare(self, segmentation: Segmentation, dataset: DatasetConfig) -> Iterator[Score]:
        """A row for each class."""
        for label, value in dataset.labels.items():
            predicted, reference = segmentation.prediction == value, segmentation.reference == value
            distance, reason = math.nan, ABSENT
            if predicted.any() and reference.any():
                distance = hausdorff_distance_95(predicted, reference, segmentation.spacing)
            elif predicted.any() or reference.any():
                reason = f"the class is absent from the {'reference' if predicted.any() else 'prediction'}"
            yield HD95.score(distance, segmentation.subject, label, reason)


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

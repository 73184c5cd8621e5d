"""95th percentile of the Hausdorff distance between predicted and reference surfaces."""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.base import Quantity, Segmentation, SegmentationMetric
from benchmark.metrics.overlap import ABSENT
from benchmark.results.scores import Score, missing

HD95 = Quantity(
    "hd95", "HD95", "mm", "lower", (0, math.inf), "Huttenlocher et al. 1993, IEEE PAMI 15(9)", headline=True
)


class HausdorffDistance95(SegmentationMetric):
    """HD95 of each foreground class on whole subjects, in mm, by MONAI.

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

    Args:
        spacing: mm along each axis.
    """
    import torch
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance

    y_pred, y = (torch.from_numpy(np.ascontiguousarray(mask))[None, None] for mask in (predicted, reference))
    with warnings.catch_warnings():
        # MONAI 1.5 passes its own deprecated argument, whatever is asked of it; no caller can leave it out.
        warnings.filterwarnings("ignore", r".*get_mask_edges:always_return_as_numpy", FutureWarning)
        return float(compute_hausdorff_distance(y_pred, y, include_background=True, percentile=95, spacing=spacing))

"""Histogram matching: source intensities take on the distribution of the target's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field
from skimage.exposure import match_histograms

from benchmark.config.base import Strict
from benchmark.data.sampling import BACKGROUND
from benchmark.data.slices import Images, Stack
from benchmark.methods.base import FitContext, TrainingSet
from benchmark.methods.classical import ClassicalMethod
from benchmark.runtime.errors import DataError

BINS = 10_000
"""Of the pooled histogram over [-1, 1]; 0.01 % of the range each."""


class HistogramMatchingOptions(Strict):
    """How finely the target's distribution is kept."""

    # They are read off a histogram: with more than its bins, there are none between.
    quantiles: int = Field(1000, ge=2, le=BINS, description="number of quantiles of the target's foreground")


class HistogramMatching(ClassicalMethod):
    """Maps the foreground of each volume onto the pooled foreground histogram of all training targets."""

    name = "histogram_matching"
    title = "Histogram matching"
    reference = "Gonzalez & Woods, Digital Image Processing, section 3.3 (histogram specification)"
    kind = "classical"
    hyperparameters = HistogramMatchingOptions

    def __init__(self, options: HistogramMatchingOptions) -> None:
        super().__init__(options)
        self._quantiles: npt.NDArray[np.float32] | None = None

    def fit(self, train: TrainingSet, context: FitContext) -> None:
        """Pools the target's foreground.

        Raises:
            DataError: there is none.
        """
        self._quantiles = pooled_quantiles(train.target.images, self.options.quantiles)

    def harmonize(self, images: Images) -> Images:
        if self._quantiles is None:
            raise RuntimeError(f"{self.name} was neither fitted nor loaded")
        harmonized = np.array(images, np.float32)
        foreground = images > BACKGROUND
        if foreground.any():
            harmonized[foreground] = match_histograms(images[foreground], self._quantiles)
        return harmonized

    def state(self) -> dict[str, Any]:
        assert self._quantiles is not None
        return {"quantiles": self._quantiles.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        quantiles = np.asarray(state["quantiles"], np.float32)
        if quantiles.shape != (self.options.quantiles,) or not (np.abs(quantiles) <= 1).all():
            raise ValueError("no quantiles within [-1, 1]")
        self._quantiles = quantiles


def pooled_quantiles(images: Sequence[Stack], count: int) -> npt.NDArray[np.float32]:
    """Equally spaced quantiles of all foreground pixels together, read off a histogram.

    A histogram, and not the pixels themselves, because those of a real archive do not fit into memory.

    Args:
        images: (slices, rows, columns) each, in [-1, 1].
        count: number of quantiles, from the first to the last of these levels: ½, 1½, … of 1/count.
    """
    counts = np.zeros(BINS, np.int64)
    edges = np.linspace(-1, 1, BINS + 1)
    for image in map(np.asarray, images):
        counts += np.histogram(image[image > BACKGROUND], edges)[0]
    if not counts.any():
        raise DataError("training slices of the target", "hold no foreground", "Check the preparation's masks")
    share = np.concatenate([[0], counts.cumsum()]) / counts.sum()
    levels = (np.arange(count) + 0.5) / count
    return np.interp(levels, share, edges).astype(np.float32)

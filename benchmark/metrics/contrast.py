"""Whether bright stays bright: a translation that turns the contrast round undoes itself on the way back."""

import math
from collections.abc import Iterator

import numpy as np

from benchmark.data.slices import Images, Labels
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score, missing

CORRELATION = Quantity(
    "contrast_correlation", "Correlation with the image before harmonization", "", "neither", (-1, 1), "this benchmark"
)
INVERTED = Quantity(
    "contrast_inverted",
    "Share of subjects with inverted contrast",
    "",
    "lower",
    (0, 1),
    "this benchmark",
    headline=True,
)


class Contrast(Metric):
    """Pearson's correlation of intensities before and after harmonization inside the brain or retina mask, by subject.

    Scanners of one modality order the tissues alike, so it is well above 0 for the true image on the target scanner
    (the row of the oracle says how far). Neither direction of it is better: 1 is what doing nothing has. Below 0 the
    contrast was inverted, which is 1 for such a subject and 0 for others, and so a share where it is averaged.
    """

    name = "contrast"
    quantities = (CORRELATION, INVERTED)

    def compute(self, view: CellView) -> Iterator[Score]:
        """Two rows for each subject."""
        store = view.pair.store
        for subject in view.subjects:
            value = correlation(store.image(subject), view.images[subject], store.mask(subject))
            if math.isnan(value):
                for quantity in self.quantities:
                    yield missing(quantity.name, "skipped", "an image is constant within its mask", subject=subject)
            else:
                yield Score(CORRELATION.name, value, subject=subject)
                yield Score(INVERTED.name, float(value < 0), subject=subject)


def correlation(before: Images, after: Images, mask: Labels) -> float:
    """Pearson's r over the pixels inside the mask, all of the same shape; NaN where either image is constant there."""
    inside = mask.astype(bool)
    pair = np.stack([before[inside], after[inside]]).astype(np.float64)
    if not inside.any() or (np.ptp(pair, axis=1) == 0).any():
        return math.nan
    coefficients = np.asarray(np.corrcoef(pair))
    return float(np.clip(coefficients[0, 1], -1, 1))

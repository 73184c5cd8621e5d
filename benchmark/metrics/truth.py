"""Harmonized images against the same subject on the target scanner, which only phantoms have."""

import math
from collections.abc import Iterator

import numpy as np

from benchmark.data.slices import Images, Labels
from benchmark.metrics.base import Metric, Need, Quantity
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score, missing

MAE = Quantity("mae", "MAE against truth", "", "lower", (0, 2), "this benchmark", headline=True)
PSNR = Quantity("psnr", "PSNR against truth", "dB", "higher", (-math.inf, math.inf), "this benchmark")
SSIM = Quantity("ssim", "SSIM against truth", "", "higher", (-1, 1), "Wang et al. 2004, IEEE TIP 13(4)", headline=True)


class Truth(Metric):
    """MAE, PSNR and SSIM inside the brain or retina mask, by subject, against the noise-free truth.

    Noise-free, because the noise of a scan that was never made cannot be foreseen: against a noisy truth every method
    would be charged with the same amount that none can avoid, and a copy of the truth would score infinitely well.
    The noisy truth itself therefore shows what noise alone costs: the ceiling of these scores.
    """

    name = "truth"
    quantities = (MAE, PSNR, SSIM)
    needs = frozenset({Need.TRUTH})

    def compute(self, view: CellView) -> Iterator[Score]:
        """Three rows for each subject."""
        for subject in view.subjects:
            clean, _ = view.truth(subject)
            yield from compare(view.images[subject], clean, view.pair.store.mask(subject), subject)


def compare(image: Images, truth: Images, mask: Labels, subject: str) -> Iterator[Score]:
    """Scores of one subject.

    Args:
        image: (slices, rows, columns) in [-1, 1].
        truth: same shape.
        mask: same shape; where it is 0 nothing counts. Of SSIM, pixels count whose whole window lies in the image.
    """
    from benchmark.metrics._similarity import DATA_RANGE, RADIUS, ssim_map

    inside = mask.astype(bool)
    if not inside.any():
        for quantity in (MAE, PSNR, SSIM):
            yield missing(quantity.name, "skipped", "the mask is empty", unit=quantity.unit, subject=subject)
        return
    error = image[inside].astype(np.float64) - truth[inside]
    yield Score("mae", float(np.abs(error).mean()), subject=subject)
    if square := float((error**2).mean()):
        yield Score("psnr", 10 * math.log10(DATA_RANGE**2 / square), PSNR.unit, subject)
    else:
        yield missing("psnr", "skipped", "image and truth are equal: PSNR is infinite", unit="dB", subject=subject)
    similarity = ssim_map(image, truth)[inside[:, RADIUS:-RADIUS, RADIUS:-RADIUS]]
    if similarity.size:
        yield Score("ssim", float(similarity.mean(dtype=np.float64)), subject=subject)
    else:
        yield missing("ssim", "skipped", "the mask lies within the border of the slices", subject=subject)

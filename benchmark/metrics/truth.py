"""Harmonized images against the same subject on the target scanner, which only phantoms provide."""

import math
from collections.abc import Iterator

import numpy as np

from benchmark.data.slices import Images, Labels
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need
from benchmark.metrics.view import CellView
from benchmark.results.scores import Score

MAE = Quantity("mae", "MAE against truth", "", "lower", (0, 2), "this benchmark", headline=True)
PSNR = Quantity("psnr", "PSNR against truth", "dB", "higher", (-math.inf, math.inf), "this benchmark")
SSIM = Quantity("ssim", "SSIM against truth", "", "higher", (-1, 1), "Wang et al. 2004, IEEE TIP 13(4)", headline=True)


class Truth(Metric):
    """MAE, PSNR and SSIM inside the brain or retina mask, by subject, against the noise-free truth.

    No method can predict the noise of a scan, so a noisy truth would charge every method the same amount. The scores of
    the noisy truth itself (the oracle) show what noise alone costs: they are the ceiling.
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
        mask: same shape; pixels where it is 0 do not count, nor, for SSIM, those whose window leaves the image.
    """
    from benchmark.metrics._similarity import DATA_RANGE, RADIUS, ssim_map

    inside = mask.astype(bool)
    if not inside.any():
        for quantity in (MAE, PSNR, SSIM):
            yield quantity.score(math.nan, subject, reason="the mask is empty")
        return
    error = image[inside].astype(np.float64) - truth[inside]
    yield MAE.score(float(np.abs(error).mean()), subject)
    square = float((error**2).mean())
    psnr = 10 * math.log10(DATA_RANGE**2 / square) if square else math.nan
    yield PSNR.score(psnr, subject, reason="image and truth are equal: PSNR is infinite")
    similarity = ssim_map(image, truth)[inside[:, RADIUS:-RADIUS, RADIUS:-RADIUS]]
    ssim = float(similarity.mean(dtype=np.float64)) if similarity.size else math.nan
    yield SSIM.score(ssim, subject, reason="the mask lies within the border of the slices")

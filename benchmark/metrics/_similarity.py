"""Structural similarity of Wang et al. 2004: Gaussian 11×11, σ 1.5, K1 0.01, K2 0.03, data range 2."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.data.slices import Images

RADIUS = 5
"""Of the window of 11×11 pixels."""
DATA_RANGE = 2.0
_SIGMA = 1.5
_C1, _C2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2

_Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Local:
    """A slice and, within the window around each pixel, its weighted mean and variance; all (rows, columns)."""

    image: _Doubles
    mean: _Doubles
    variance: _Doubles

    @classmethod
    def of(cls, image: Images) -> "_Local":
        # In double precision: variances are differences of means of squares, nearly equal where an image is smooth.
        doubles = image.astype(np.float64)
        mean = _weighted_mean(doubles)
        return cls(doubles, mean, _weighted_mean(doubles * doubles) - mean * mean)


class Similarity:
    """SSIM with slices that others are compared with, more than once: their own statistics are computed once.

    Args:
        images: (slices, rows, columns), intensities of a range of 2; rows and columns at least 11.
    """

    def __init__(self, images: Images) -> None:
        self._slices = [_Local.of(image) for image in images]

    def map(self, others: Images) -> Images:
        """SSIM at every pixel whose window lies within the image.

        Args:
            others: of the same shape.

        Returns:
            (slices, rows - 10, columns - 10), exactly 1 where both are equal.
        """
        # One slice at a time, as its arrays stay in the processor's cache.
        return np.stack([_ssim(_Local.of(other), own) for other, own in zip(others, self._slices, strict=True)])


def _ssim(x: _Local, y: _Local) -> Images:
    covariance = _weighted_mean(x.image * y.image) - x.mean * y.mean
    luminance = (2 * x.mean * y.mean + _C1, x.mean**2 + y.mean**2 + _C1)
    structure = (2 * covariance + _C2, x.variance + y.variance + _C2)
    full = (luminance[0] * structure[0]) / (luminance[1] * structure[1])
    return full[RADIUS:-RADIUS, RADIUS:-RADIUS].astype(np.float32)


def _weighted_mean(image: _Doubles) -> _Doubles:
    return np.asarray(ndimage.gaussian_filter(image, _SIGMA, radius=RADIUS))

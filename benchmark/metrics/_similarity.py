"""Structural similarity of Wang et al. 2004: Gaussian 11×11, σ 1.5, K1 0.01, K2 0.03, data range 2, by scikit-image."""

import numpy as np
from skimage.metrics import structural_similarity

from benchmark.data.slices import Images

RADIUS = 5
"""Radius of the window of 11×11 pixels."""
DATA_RANGE = 2.0


def ssim_map(images: Images, others: Images) -> Images:
    """SSIM at every pixel whose window lies in the image.

    Args:
        images: (slices, rows, columns), intensities in [-1, 1]; at least 11 rows and columns.
        others: same shape.

    Returns:
        (slices, rows - 10, columns - 10); exactly 1 where both are equal.
    """
    return np.stack([_ssim(x, y) for x, y in zip(images, others, strict=True)])


def _ssim(x: Images, y: Images) -> Images:
    _, full = structural_similarity(
        # Double precision: variances are small differences of large means where an image is smooth.
        x.astype(np.float64),
        y.astype(np.float64),
        data_range=DATA_RANGE,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return full[RADIUS:-RADIUS, RADIUS:-RADIUS].astype(np.float32)

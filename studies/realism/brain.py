"""Quantities of a brain MRI: contrast, noise, sharpness, texture, intensity histogram."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

from benchmark.preparation.tissue import CSF, GM, WM

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]

BINS = np.linspace(0.0, 1.6, 81)
"""Edges of intensity histograms; white matter is 1."""

_SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])
_MEDIAN_OF_NORMAL = 0.6745  # of the absolute value of a standard normal number
_RISE_OF_ERF = 2.5631 / float(np.sqrt(2.0 * np.pi))  # 10-90 % width of an edge blurred by a Gaussian, times its slope
_SMOOTHING = 1.0  # voxels, of a boundary before its normal is computed
_BETWEEN = 6.0  # mm between slices for spectra
_INSIDE = 0.98  # least share of brain in a patch


def white_median(image: Floats, labels: Labels) -> float:
    """Median intensity of white matter, the unit of all other intensities."""
    return float(np.median(image[labels == WM]))


def tissue_ratios(image: Floats, labels: Labels) -> tuple[float, float]:
    """Median intensities of cerebrospinal fluid and grey matter relative to white matter."""
    white = white_median(image, labels)
    return float(np.median(image[labels == CSF])) / white, float(np.median(image[labels == GM])) / white


def shares(labels: Labels) -> tuple[float, float, float]:
    """Shares of cerebrospinal fluid, grey and white matter in the brain."""
    fluid, grey, white = (int((labels == tissue).sum()) for tissue in (CSF, GM, WM))
    total = fluid + grey + white
    return fluid / total, grey / total, white / total


def noise(image: Floats, region: Mask) -> float:
    """Standard deviation of white noise in a region of smooth signal.

    Immerkær, Comput Vis Image Underst 64: 300-302, 1996: an operator that cancels linear signals, here in three
    dimensions, and with the median of its absolute values instead of the mean, because edges hardly change it. Noise
    smoothed by interpolation is underestimated.

    Args:
        image: three-dimensional.
        region: where noise is measured, without its outermost voxel.
    """
    filtered = np.asarray(image, np.float64)
    for axis in range(3):
        filtered = ndimage.correlate1d(filtered, _SECOND_DIFFERENCE, axis=axis)
    gain = float(np.sqrt(np.square(_SECOND_DIFFERENCE).sum() ** 3))
    inner = ndimage.binary_erosion(region, np.ones((3, 3, 3), bool))
    return float(np.median(np.abs(filtered[inner]))) / _MEDIAN_OF_NORMAL / gain


def contrast_to_noise(image: Floats, labels: Labels) -> float:
    """Difference of the medians of white and grey matter over the root of the mean variance within them.

    The variance includes noise, shading, partial volume and regional differences. Magnotta and Friedman, J Digit
    Imaging 19: 140-147, 2006, divide by the noise of air, which extracted brains lack.
    """
    difference = float(np.median(image[labels == WM]) - np.median(image[labels == GM]))
    spread = np.sqrt(np.mean([np.var(image[labels == tissue], dtype=np.float64) for tissue in (WM, GM)]))
    return difference / float(spread)


def edge_width(image: Floats, labels: Labels, spacing: Sequence[float]) -> float:
    """10-90 % width in mm of the edge between grey and white matter.

    For an edge blurred by a Gaussian, it is proportional to contrast over slope. The slope along the boundary's normal
    is fitted by least squares over all faces between voxels of white and grey matter, which averages noise out. An edge
    sharper than the voxels appears about a voxel wide.

    Args:
        image: three-dimensional.
        labels: tissue classes on the same grid.
        spacing: mm along each axis.
    """
    white = ndimage.gaussian_filter((labels == WM).astype(np.float64), _SMOOTHING)
    gradient = np.stack(np.gradient(white, *spacing))
    normal = gradient / np.maximum(np.sqrt(np.square(gradient).sum(axis=0)), 1e-12)
    rise, weight = 0.0, 0.0
    for axis, step in enumerate(spacing):
        low, high = _neighbours(labels, axis)
        face = ((low == WM) & (high == GM)) | ((low == GM) & (high == WM))
        before, after = _neighbours(image, axis)
        slope = (after[face].astype(np.float64) - before[face]) / step
        before, after = _neighbours(normal[axis], axis)
        along = (before[face] + after[face]) / 2.0
        rise += float(np.sum(slope * along))
        weight += float(np.sum(along * along))
    contrast = float(np.median(image[labels == WM]) - np.median(image[labels == GM]))
    return _RISE_OF_ERF * contrast * weight / rise


def _neighbours(volume: npt.NDArray[Any], axis: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """All voxels but the last along an axis, and their successors."""
    planes = np.moveaxis(volume, axis, 0)
    return planes[:-1], planes[1:]


def spectrum(image: Floats, mask: Mask, spacing: float, side: float = 64.0) -> tuple[Floats, Floats]:
    """Radial power spectrum of square patches inside the brain, in axial slices.

    Args:
        image: isotropic, third axis upwards, white matter 1.
        mask: the brain.
        spacing: mm.
        side: of a patch, mm.

    Returns:
        Frequencies (cycles per mm, up to Nyquist's) and mean power at each. White noise of standard deviation σ has σ².

    Raises:
        ValueError: no patch fits.
    """
    count = round(side / spacing)
    window = np.outer(signal.windows.hann(count, sym=False), signal.windows.hann(count, sym=False))
    frequency = np.fft.fftfreq(count)
    ring = np.rint(count * np.hypot(frequency[:, None], frequency[None, :])).astype(int).ravel()
    total, patches = np.zeros(ring.max() + 1), 0
    for k in range(0, image.shape[2], max(1, round(_BETWEEN / spacing))):
        for i in range(0, image.shape[0] - count + 1, count // 4):
            for j in range(0, image.shape[1] - count + 1, count // 4):
                box = slice(i, i + count), slice(j, j + count), k
                if mask[box].mean() < _INSIDE:
                    continue
                patch = np.asarray(image[box], np.float64)
                patch = window * (patch - np.average(patch, weights=window))
                power = np.abs(np.fft.fft2(patch)) ** 2 / np.square(window).sum()
                total += np.bincount(ring, power.ravel())
                patches += 1
    if not patches:
        raise ValueError("no patch lies inside the brain")
    rings = slice(1, count // 2 + 1)
    return np.arange(ring.max() + 1)[rings] / (count * spacing), (total / np.bincount(ring) / patches)[rings]


def spectral_slope(frequency: Floats, power: Floats, low: float, high: float) -> float:
    """Exponent of a power law, fitted between two frequencies on logarithmic axes."""
    used = (frequency >= low) & (frequency <= high)
    return float(np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)[0])


def histogram(intensities: Floats) -> Floats:
    """Share of each of ``BINS``; values outside count in the outermost bins."""
    counts = np.histogram(np.clip(intensities, BINS[0], BINS[-1]), BINS)[0]
    return np.asarray(counts / counts.sum())


def wasserstein(first: Floats, second: Floats) -> float:
    """Wasserstein distance of two histograms: mean shift of intensity, relative to white matter."""
    from scipy.stats import wasserstein_distance

    centres = (BINS[:-1] + BINS[1:]) / 2.0
    return float(wasserstein_distance(centres, centres, first, second))


def jensen_shannon(first: Floats, second: Floats) -> float:
    """Jensen-Shannon distance of two histograms (root of the divergence, base 2): 0 if equal, 1 if disjoint."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(first, second, base=2.0))

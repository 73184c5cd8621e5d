"""Quantities of a brain MRI: contrast, noise, sharpness, texture, distribution of intensities."""

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
"""Edges of histograms of intensities whose white matter is 1."""

_SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])
_MEDIAN_OF_NORMAL = 0.6745  # median of the absolute value of a standard normal number
_RISE_OF_ERF = 2.5631 / float(np.sqrt(2.0 * np.pi))  # 10-90 % width of a Gaussian's edge, times its slope
_SMOOTHING = 1.0  # voxels by which a boundary is smoothed before its direction is read off
_BETWEEN = 6.0  # mm from one slice whose spectrum is taken to the next
_INSIDE = 0.98  # share of a patch that must be brain


def white_median(image: Floats, labels: Labels) -> float:
    """Median intensity of white matter, the unit of all that follows."""
    return float(np.median(image[labels == WM]))


def tissue_ratios(image: Floats, labels: Labels) -> tuple[float, float]:
    """Median intensities of cerebrospinal fluid and of grey matter, white matter being 1."""
    white = white_median(image, labels)
    return float(np.median(image[labels == CSF])) / white, float(np.median(image[labels == GM])) / white


def shares(labels: Labels) -> tuple[float, float, float]:
    """Shares of cerebrospinal fluid, grey and white matter in the brain."""
    fluid, grey, white = (int((labels == tissue).sum()) for tissue in (CSF, GM, WM))
    total = fluid + grey + white
    return fluid / total, grey / total, white / total


def noise(image: Floats, region: Mask) -> float:
    """Standard deviation of white noise in a region of smooth signal.

    Immerkær, Comput Vis Image Underst 64: 300-302, 1996: an operator that annuls linear signals, here in three
    dimensions, and with the median of its absolute values, which edges hardly move, in place of their mean. Noise that
    interpolation has smoothed is underestimated.

    Args:
        image: three-dimensional.
        region: where to look; its outermost voxel is left out.
    """
    filtered = np.asarray(image, np.float64)
    for axis in range(3):
        filtered = ndimage.correlate1d(filtered, _SECOND_DIFFERENCE, axis=axis)
    gain = float(np.sqrt(np.square(_SECOND_DIFFERENCE).sum() ** 3))
    inner = ndimage.binary_erosion(region, np.ones((3, 3, 3), bool))
    return float(np.median(np.abs(filtered[inner]))) / _MEDIAN_OF_NORMAL / gain


def contrast_to_noise(image: Floats, labels: Labels) -> float:
    """Difference of white and grey matter (medians) over their spread within the tissues (root of mean variance).

    The spread holds noise, shading, partial volume and what differs between places. It stands in place of that of air,
    which Magnotta and Friedman, J Digit Imaging 19: 140-147, 2006, divide by and extracted brains lack.
    """
    difference = float(np.median(image[labels == WM]) - np.median(image[labels == GM]))
    spread = np.sqrt(np.mean([np.var(image[labels == tissue], dtype=np.float64) for tissue in (WM, GM)]))
    return difference / float(spread)


def edge_width(image: Floats, labels: Labels, spacing: Sequence[float]) -> float:
    """Width over which intensity rises from 10 to 90 % between grey and white matter, mm.

    Of an edge blurred by a Gaussian, contrast over slope gives it. The slope is the least-squares one over all faces
    between a voxel of white and one of grey matter, along the boundary's normal, so that noise averages out. An edge
    sharper than the voxels comes out about a voxel wide.

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
    """Voxels and, in the same place, those that follow them along an axis."""
    planes = np.moveaxis(volume, axis, 0)
    return planes[:-1], planes[1:]


def spectrum(image: Floats, mask: Mask, spacing: float, side: float = 64.0) -> tuple[Floats, Floats]:
    """Radial power spectrum of square patches of axial slices that lie inside the brain.

    Args:
        image: isotropic, the third axis upwards, white matter 1.
        mask: the brain.
        spacing: mm.
        side: of a patch, mm.

    Returns:
        Frequencies (cycles per mm, up to Nyquist's) and mean power at each. White noise of deviation σ has σ².

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
    """Exponent of a power law fitted between two frequencies, on logarithmic axes."""
    used = (frequency >= low) & (frequency <= high)
    return float(np.polyfit(np.log(frequency[used]), np.log(power[used]), 1)[0])


def histogram(intensities: Floats) -> Floats:
    """Shares of ``BINS``; what lies beyond counts with the outermost."""
    counts = np.histogram(np.clip(intensities, BINS[0], BINS[-1]), BINS)[0]
    return np.asarray(counts / counts.sum())


def wasserstein(first: Floats, second: Floats) -> float:
    """Earth mover's distance of two histograms: how far intensity must move on average, white matter being 1."""
    from scipy.stats import wasserstein_distance

    centres = (BINS[:-1] + BINS[1:]) / 2.0
    return float(wasserstein_distance(centres, centres, first, second))


def jensen_shannon(first: Floats, second: Floats) -> float:
    """Jensen-Shannon distance (square root of the divergence, base 2) of two histograms: 0 the same, 1 disjoint."""
    from scipy.spatial.distance import jensenshannon

    return float(jensenshannon(first, second, base=2.0))

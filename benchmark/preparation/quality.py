"""Measures of a scan's quality, taken while it is prepared. ``benchmark.reporting.quality`` compares subjects.

Every measure is one float, from one thread and without chance. One that cannot be taken of a scan is left out.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.archives.formats.volumes import Volume
from benchmark.preparation.brain import bounding_box
from benchmark.preparation.template import Alignment, template

Quality = dict[str, float]
_Floats = npt.NDArray[np.floating]

# Lines that cross less of the brain than this share of the longest are left out of the spectrum: mostly air.
_LONG = 0.6
# Voxels of brain along an axis of which a spectrum says something.
_SHORTEST = 16
# Lowest frequencies, in waves over the brain, whose power is the brain's own shape.
_SHAPE = 4
# An edge of k-space is sought above this share of the frequencies; it parts this share of them below it, and no fewer
# than the width of a peak, from all above it by so many decades of power.
_LOWEST_EDGE, _BAND, _PEAK, _EDGE = 0.4, 0.05, 4, 0.7
# Share of a B-scan's columns in which its retina is seen at least.
_SEEN = 0.5


def scan_quality(image: Volume, mask: Volume) -> Quality:
    """Ringing, noise and brightness of a brain on the grid of its scan.

    - ``ripple``: dB by which one frequency stands out of its neighbours (see :func:`ripple`).
    - ``k_space``: share of k-space that is filled along the axis with the least (see :func:`filled`).
    - ``noise``: its standard deviation by pseudo-residuals (Coupé et al., IEEE TMI 2008), relative to the brain's
      median; the median of their absolute values stands for the deviation, so that edges count little.
    - ``brightness``: median of the brain, in the file's units.
    """
    if not np.asarray(mask.data).any():  # a brain of less than a voxel
        return {}
    box = bounding_box(mask, 0)
    data, inside = np.asarray(image.data)[box].astype(np.float64), np.asarray(mask.data)[box] > 0
    median = float(np.median(data[inside]))
    spectra = [s for axis in range(3) if (s := spectrum(data, inside, axis)) is not None]
    found = {"brightness": median}
    if spectra:
        found |= {"ripple": max(map(ripple, spectra)), "k_space": min(map(filled, spectra))}
    if median > 0:
        neighbours = ndimage.convolve(data, ndimage.generate_binary_structure(3, 1) / 6.0, mode="nearest") - data / 6
        residuals = np.sqrt(6 / 7) * (data - neighbours)[inside]
        found["noise"] = float(1.4826 * np.median(np.abs(residuals)) / median)
    return found


def spectrum(data: _Floats, inside: npt.NDArray[np.bool_], axis: int) -> _Floats | None:
    """Mean power of the lines along an axis that cross the brain, from frequency 0 to half a wave a voxel.

    Returns:
        log10, or None where the brain is short, or constant.
    """
    lines, within = np.moveaxis(data, axis, -1), np.moveaxis(inside, axis, -1)
    reached = np.flatnonzero(within.any(axis=(0, 1)))
    part = slice(reached[0], reached[-1] + 1)
    if part.stop - part.start < _SHORTEST:
        return None
    crossed = within.sum(axis=-1)
    lines = lines[crossed > _LONG * crossed.max()][:, part]
    if lines.min() == lines.max():
        return None
    window = np.hanning(lines.shape[1] + 2)[1:-1]
    centred = (lines - (lines @ window / window.sum())[:, None]) * window
    power = (np.abs(np.fft.rfft(centred, axis=1)) ** 2).mean(axis=0)
    return np.asarray(np.log10(np.maximum(power, 1e-12 * power.max())))


def ripple(spectrum: _Floats) -> float:
    """How far the highest peak of a spectrum rises above the median of its neighbourhood, in dB.

    Anatomy and noise have smooth spectra. What repeats itself across the image, as the ripple of a patient who moved
    while k-space was sampled (Wood and Henkelman, Med Phys 1985), or a spike in k-space, has a peak.
    """
    kept = spectrum[_SHAPE : max(_SHAPE + 1, round(filled(spectrum) * len(spectrum)))]
    smooth = ndimage.median_filter(kept, size=2 * (len(kept) // 10) + 5, mode="nearest")
    return float(10 * (kept - smooth).max())


def filled(spectrum: _Floats) -> float:
    """Share of the frequencies below the edge beyond which k-space is empty; 1 where there is no edge.

    An edge inside of what the image could hold is k-space cut off and filled with zeros: the image rings at every edge
    of the brain (Gibbs), with a wave of two voxels divided by this share.
    """
    count = len(spectrum)
    band = max(_PEAK, round(_BAND * count))
    for edge in range(max(band, round(_LOWEST_EDGE * count)), count - 2):
        # The window smears an edge over one frequency.
        if spectrum[edge - band : edge].min() - spectrum[edge + 1 :].max() > _EDGE:
            return edge / count
    return 1.0


def intensity_quality(image: Volume, mask: Volume) -> Quality:
    """How a brain's intensities are distributed, after the bias field was taken out.

    - ``contrast``: from the 10th to the 90th percentile, relative to the median.
    - ``highlights``: 99.9th percentile, relative to the median: vessels, fat, spikes.
    """
    low, middle, high, highest = np.percentile(
        np.asarray(image.data, np.float64)[np.asarray(mask.data) > 0], (10, 50, 90, 99.9)
    )
    if middle <= 0:
        return {}
    return {"contrast": float((high - low) / middle), "highlights": float(highest / middle)}


def alignment_quality(alignment: Alignment, mask: Volume) -> Quality:
    """How a brain lies in the template.

    - ``overlap``: Dice coefficient of its mask, on the slices, with the template's brain.
    - ``mismatch``: final value of the registration's metric, negative mutual information; only where it was optimised.
    - ``growth``: the subject's volume by the template's, the determinant of the registration; only there too.

    Args:
        mask: on the grid of the slices.
    """
    brain, found = template(), np.asarray(mask.data) > 0
    step = np.linalg.inv(brain.affine) @ mask.affine
    expected = ndimage.affine_transform(np.asarray(brain.data) > 0, step, output_shape=found.shape, order=0)
    place = {"overlap": float(2 * (expected & found).sum() / (expected.sum() + found.sum()))}
    if alignment.metric is not None:
        place |= {"mismatch": alignment.metric, "growth": float(np.linalg.det(alignment.matrix[:3, :3]))}
    return place


def oct_quality(image: Volume, mask: Volume) -> Quality:
    """Signal of a prepared OCT volume, and whether a retina is there.

    - ``brightness``: median of the retina, 0 to 1 of the file's range.
    - ``contrast``: medians of the retina and of what lies outside, their difference by the deviation outside (1.4826
      times the median absolute one); absent where everything outside is equal.
    - ``retina``: share of the volume that is retina.
    - ``weakest``: mean of the retina in the darkest B-scan that shows one, relative to the median over B-scans; a blink
      is dark.
    - ``empty``: share of the B-scans in half of whose columns, or more, no retina was found.

    Args:
        image: in [-1, 1].
    """
    grey, inside = (np.asarray(image.data, np.float64) + 1) / 2, np.asarray(mask.data) > 0
    outside = grey[~inside]
    shown = inside.any(axis=1).mean(axis=0) > _SEEN
    found = {
        "brightness": float(np.median(grey[inside])),
        "retina": float(inside.mean()),
        "empty": float(1 - shown.mean()),
    }
    if outside.size and (deviation := 1.4826 * np.median(np.abs(outside - np.median(outside)))) > 0:
        found["contrast"] = float((np.median(grey[inside]) - np.median(outside)) / deviation)
    means = [grey[:, :, k][inside[:, :, k]].mean() for k in np.flatnonzero(shown)]
    if means and np.median(means) > 0:
        found["weakest"] = float(min(means) / np.median(means))
    return found

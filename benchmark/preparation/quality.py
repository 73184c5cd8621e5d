"""Quality measures of a scan, taken during preparation. ``benchmark.reporting.quality`` compares subjects.

Each measure is a float, and deterministic. One that a scan does not allow is left out.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.archives.formats.volumes import Volume
from benchmark.preparation.brain import bounding_box
from benchmark.preparation.template import Alignment, template

Quality = dict[str, float]
_Floats = npt.NDArray[np.floating]

_LONG = 0.6  # shortest line in a spectrum, relative to the longest; shorter ones are mostly air
_SHORTEST = 16  # voxels of brain along an axis, for a meaningful spectrum
_SHAPE = 4  # lowest frequencies, in waves over the brain, whose power comes from the brain's shape
# An edge of k-space is searched above the share _LOWEST_EDGE of the frequencies. The band below it (the share _BAND of
# all frequencies, at least _PEAK of them) must exceed all frequencies above it by _EDGE decades of power.
_LOWEST_EDGE, _BAND, _PEAK, _EDGE = 0.4, 0.05, 4, 0.7
_SEEN = 0.5  # smallest share of a B-scan's columns with retina, for a retina to count as visible


def scan_quality(image: Volume, mask: Volume) -> Quality:
    """Ringing, noise and brightness of a brain on the grid of its scan.

    - ``ripple``: highest peak of a spectrum above its neighbourhood, in dB (see :func:`ripple`).
    - ``k_space``: filled share of k-space along the axis with the least (see :func:`filled`).
    - ``noise``: standard deviation, estimated by the median of absolute pseudo-residuals (Coupé et al., IEEE TMI 2008),
      on which edges have little influence; relative to the brain's median.
    - ``brightness``: median of the brain, in the file's units.
    """
    if not np.asarray(mask.data).any():  # a brain smaller than a voxel
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
    """Mean power spectrum of lines through the brain along an axis, from frequency 0 to half a wave a voxel.

    Returns:
        log10 of the power; None if the brain is too short, or constant.
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
    """Height of the highest peak of a spectrum above the median of its neighbourhood, in dB.

    Anatomy and noise have smooth spectra; periodic patterns have peaks, such as ghosts of a patient's motion (Wood and
    Henkelman, Med Phys 1985), or spikes in k-space.
    """
    kept = spectrum[_SHAPE : max(_SHAPE + 1, round(filled(spectrum) * len(spectrum)))]
    smooth = ndimage.median_filter(kept, size=2 * (len(kept) // 10) + 5, mode="nearest")
    return float(10 * (kept - smooth).max())


def filled(spectrum: _Floats) -> float:
    """Share of the frequencies below the edge beyond which k-space is empty; 1 without an edge.

    An edge means that k-space was truncated and zero-filled: the image shows Gibbs ringing, with a wavelength of two
    voxels divided by this share.
    """
    count = len(spectrum)
    band = max(_PEAK, round(_BAND * count))
    for edge in range(max(band, round(_LOWEST_EDGE * count)), count - 2):
        # The window blurs an edge by one frequency.
        if spectrum[edge - band : edge].min() - spectrum[edge + 1 :].max() > _EDGE:
            return edge / count
    return 1.0


def intensity_quality(image: Volume, mask: Volume) -> Quality:
    """Distribution of a brain's intensities, after bias field correction.

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
    """Alignment of a brain to the template.

    - ``overlap``: Dice coefficient of its mask, on the slices, and the template's brain.
    - ``mismatch``: final value of the registration's metric, negative mutual information; only with a registration.
    - ``growth``: determinant of the registration, the subject's volume relative to the template's; likewise.

    Args:
        mask: on the grid of the slices.
    """
    brain, inside = template(), np.asarray(mask.data) > 0
    step = np.linalg.inv(brain.affine) @ mask.affine
    expected = ndimage.affine_transform(np.asarray(brain.data) > 0, step, output_shape=inside.shape, order=0)
    found = {"overlap": float(2 * (expected & inside).sum() / (expected.sum() + inside.sum()))}
    if alignment.metric is not None:
        found |= {"mismatch": alignment.metric, "growth": float(np.linalg.det(alignment.matrix[:3, :3]))}
    return found


def oct_quality(image: Volume, mask: Volume) -> Quality:
    """Signal and retina of a prepared OCT volume.

    - ``brightness``: median of the retina, 0 to 1 of the file's range.
    - ``contrast``: difference of the medians of retina and background, divided by the deviation of the background
      (1.4826 times the median absolute deviation); absent if the background is constant.
    - ``retina``: share of the volume that is retina.
    - ``weakest``: mean of the retina in the darkest B-scan that shows one, relative to the median over B-scans; a blink
      darkens a B-scan.
    - ``empty``: share of the B-scans with retina in at most half of their columns.

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

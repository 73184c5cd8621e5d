"""Quantities of an OCT volume: speckle, axial sharpness, contrast of layers, volume of fluid."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.uint8]


def linear_light(grey: npt.NDArray[np.unsignedinteger], levels: int, black: float | None, white: float) -> Floats:
    """Light from grey values, by the inverse of a device's grey scale.

    Args:
        grey: 0 to ``levels``.
        levels: greatest grey value.
        black: level shown black, dB; None if the grey scale is a fourth root.
        white: level shown white, dB.
    """
    shown = np.asarray(grey, np.float64) / levels
    if black is None:
        return np.asarray(shown**4 * 10.0 ** (white / 10.0))
    return np.asarray(10.0 ** ((black + shown * (white - black)) / 10.0))


def speckle_contrast(light: Floats, region: Mask, reach: tuple[float, float]) -> float:
    """Standard deviation over mean of light in a region, after division by the local mean.

    It is 1 for fully developed speckle and 1 / √N for the mean of N independent frames (Goodman, Speckle Phenomena in
    Optics, 2007).

    Args:
        light: linear, (rows, columns) or (rows, columns, sections).
        region: the same shape; a layer or the vitreous.
        reach: standard deviations (rows, columns) of the local mean's Gaussian window, much wider than a speckle.
    """
    sigma = (*reach, 0.0)[: light.ndim]
    weight = ndimage.gaussian_filter(region.astype(np.float64), sigma)
    mean = ndimage.gaussian_filter(np.where(region, light, 0.0), sigma)
    relative = light[region] * weight[region] / mean[region]
    return float(np.std(relative) / np.mean(relative))


def decibels(light: float, reference: float) -> float:
    """Level of light relative to a reference, dB."""
    return 10.0 * float(np.log10(light / reference))


def rise_width(profile: Floats, spacing: float) -> float:
    """10-90 % width of a rise, interpolated between samples.

    Args:
        profile: from before the rise to its top; its minimum and maximum are 0 and 100 %.
        spacing: distance of samples.
    """
    scaled = (profile - profile.min()) / (profile.max() - profile.min())
    crossings = []
    for level in (0.1, 0.9):
        after = int(np.argmax(scaled >= level))
        below, above = scaled[after - 1], scaled[after]
        crossings.append(after - 1 + (level - below) / (above - below))
    return float(crossings[1] - crossings[0]) * spacing


def aligned_profile(light: Floats, surface: Floats, reach: int, parts: int) -> Floats:
    """Mean light along depth about a surface, at subpixel steps, because A-scans meet it at different fractions.

    Args:
        light: (rows, columns).
        surface: row of the surface in each column; the first pixel is centred on 0.
        reach: pixels on each side of the surface.
        parts: samples per pixel.
    """
    rows = np.arange(light.shape[0])[:, None] - surface[None, :]
    place = np.floor((rows + reach) * parts).astype(int)
    used = (place >= 0) & (place < 2 * reach * parts)
    total = np.bincount(place[used], light[used], 2 * reach * parts)
    return np.asarray(total / np.bincount(place[used], minlength=2 * reach * parts))


def volume(mask: Mask, spacing: tuple[float, float, float]) -> float:
    """Volume in mm³."""
    return float(mask.sum() * np.prod(spacing))

"""Number and sizes of lesions in a mask."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


def volumes(mask: Mask, spacing: tuple[float, float, float]) -> Floats:
    """Volume (mm³) of each lesion, a set of voxels connected by faces, edges or corners."""
    labels, _ = ndimage.label(mask, np.ones((3, 3, 3), bool))
    return np.asarray(np.bincount(labels.ravel())[1:] * np.prod(spacing))


def areas(mask: Mask, spacing: tuple[float, float, float], thickness: float) -> Floats:
    """Area (mm²) of each lesion in each slice, after resampling to thick axial slices.

    Args:
        mask: third axis upwards.
        spacing: mm along each axis.
        thickness: mm; a pixel is lesion if at least half of its height is. Remaining planes at the top are left out.
    """
    planes = max(1, round(thickness / spacing[2]))
    slices = mask.shape[2] // planes
    share = mask[:, :, : slices * planes].reshape(*mask.shape[:2], slices, planes).mean(axis=3)
    in_plane = np.zeros((3, 3, 3), bool)
    in_plane[:, :, 1] = True
    labels, _ = ndimage.label(share >= 0.5, in_plane)
    return np.asarray(np.bincount(labels.ravel())[1:] * spacing[0] * spacing[1])


def diameters(sizes: Floats) -> Floats:
    """Diameters (mm) of balls of these volumes (mm³)."""
    return np.asarray(np.cbrt(6.0 / np.pi * sizes))

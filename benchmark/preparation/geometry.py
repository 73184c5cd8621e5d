"""Grids and resampling, in RAS millimetres; SimpleITK's LPS is used only inside this module.

Before resampling to a coarser grid, a scan is blurred to the point spread of the coarser voxel (Cardoso et al., MICCAI
2015). Plain interpolation would alias, and keep the noise of the finer voxels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from benchmark.archives.formats.volumes import Volume

Matrix = npt.NDArray[np.float64]
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # RAS to LPS and back
_FWHM = np.sqrt(8 * np.log(2))  # full width at half maximum of a Gaussian with standard deviation 1
_UNDECIDED = 255  # no label has this value
# Points of a voxel with side 1 and centre 0: a lattice of rank 1 (Korobov, 1959) in which no two points share a
# coordinate. Of all lattices of 128 points, it has the longest shortest vector of its dual.
_POINTS = (np.arange(128)[:, None] * [1, 13, 31] % 128 + 0.5) / 128 - 0.5


@dataclass(frozen=True)
class Grid:
    """Voxels (i, j, k) and their position: 4x4, to RAS millimetres."""

    shape: tuple[int, int, int]
    affine: Matrix

    @classmethod
    def of(cls, volume: Volume) -> "Grid":
        i, j, k = volume.data.shape
        return cls((i, j, k), volume.affine)

    @property
    def spacing(self) -> Matrix:
        """Voxel size in mm along each axis."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def with_spacing(self, spacing: float) -> "Grid":
        """An isotropic grid with the same axes and centre that covers this one."""
        size = np.ceil(np.array(self.shape) * self.spacing / spacing - 1e-6).astype(int)
        affine = self.affine.copy()
        affine[:3, :3] *= spacing / self.spacing
        centre = self.affine @ [*((np.array(self.shape) - 1) / 2), 1.0]
        affine[:3, 3] = centre[:3] - affine[:3, :3] @ ((size - 1) / 2)
        return Grid((int(size[0]), int(size[1]), int(size[2])), affine)

    def padded(self, margin: float) -> "Grid":
        """This grid, extended by at least ``margin`` mm on each side."""
        voxels = np.ceil(margin / self.spacing).astype(int)
        affine = self.affine.copy()
        affine[:3, 3] -= affine[:3, :3] @ voxels
        i, j, k = (int(n + 2 * v) for n, v in zip(self.shape, voxels, strict=True))
        return Grid((i, j, k), affine)


def to_canonical(volume: Volume) -> Volume:
    """The volume with axes permuted and flipped to the closest RAS orientation (right, front, top)."""
    orientation = nib.orientations.io_orientation(volume.affine)
    data = nib.orientations.apply_orientation(volume.data, orientation)
    affine = volume.affine @ nib.orientations.inv_ornt_aff(orientation, volume.data.shape)
    return Volume(np.ascontiguousarray(data), affine, volume.path)


def crop(volume: Volume, box: tuple[slice, ...]) -> Volume:
    """The voxels within ``box``, at the same position."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [s.start for s in box]
    return Volume(np.ascontiguousarray(volume.data[box]), affine, volume.path)


def to_itk(volume: Volume) -> sitk.Image:
    """A SimpleITK image at the same position."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(np.asarray(volume.data).transpose(2, 1, 0)))
    lps = _FLIP @ volume.affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    return image


def to_transform(matrix: Matrix) -> sitk.AffineTransform:
    """The SimpleITK transform of a 4x4 matrix between RAS positions."""
    lps = _FLIP @ matrix @ _FLIP
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(lps[:3, :3].ravel().tolist())
    transform.SetTranslation(lps[:3, 3].tolist())
    return transform


def to_matrix(transform: sitk.AffineTransform) -> Matrix:
    """The 4x4 matrix between RAS positions of a SimpleITK transform."""
    linear = np.array(transform.GetMatrix()).reshape(3, 3)
    centre = np.array(transform.GetCenter())
    lps = np.eye(4)
    lps[:3, :3] = linear
    lps[:3, 3] = centre + transform.GetTranslation() - linear @ centre
    return np.asarray(_FLIP @ lps @ _FLIP)


def resample_image(image: Volume, grid: Grid, matrix: Matrix, *, spline: bool = True) -> Volume:
    """Intensities on another grid, 0 outside.

    Args:
        matrix: 4x4, from RAS positions on ``grid`` to those of the image.
        spline: cubic B-splines, which preserve detail; otherwise linear, without overshoot.
    """
    blurred = Volume(_blurred(np.asarray(image.data, np.float32), image, grid, matrix), image.affine, image.path)
    interpolator = sitk.sitkBSpline if spline else sitk.sitkLinear
    return Volume(_resampled(blurred, grid, matrix, interpolator), grid.affine, image.path)


def resample_mask(mask: Volume, grid: Grid, matrix: Matrix) -> Volume:
    """A mask on another grid: voxels that are at least half inside."""
    share = resample_image(mask, grid, matrix, spline=False)
    return Volume((np.asarray(share.data) >= 0.5).astype(np.uint8), grid.affine, mask.path)


def resample_labels(labels: Volume, grid: Grid, matrix: Matrix, values: Sequence[int]) -> Volume:
    """A label map on another grid: the label with the largest share of a voxel; background wins ties.

    Shares are counted at points spread over the voxel. Over voxels that random planes or boxes cut, they are off by
    0.01 of the voxel (root mean square), at most by 0.07.

    Args:
        labels: its values are 0, of the background, and ``values``.
        values: below 255.
    """
    step = np.linalg.inv(labels.affine) @ matrix @ grid.affine
    linear, width = step[:3, :3], np.abs(step[:3, :3]).sum(axis=1)
    reach = np.ceil(width).astype(int) + 1  # voxels of the label map that a voxel of the grid may overlap
    data = np.pad(np.asarray(labels.data, np.uint8), [(n, n) for n in reach])
    shift = step[:3, 3] + reach
    # Where all of them have one label, that is the answer; those of a voxel begin at its lowest corner.
    lowest, highest = (f(data, reach, origin=-(reach // 2)) for f in (ndimage.minimum_filter, ndimage.maximum_filter))
    known = np.where(lowest == highest, data, _UNDECIDED)
    found = ndimage.affine_transform(known, linear, shift - width / 2, grid.shape, order=0, mode="grid-constant")
    undecided = np.nonzero(found == _UNDECIDED)
    centres = linear @ undecided + shift[:, None] + 0.5
    shares = np.zeros((1 + len(values), len(undecided[0])), np.uint8)
    for point in _POINTS @ linear.T:
        i, j, k = (centres + point[:, None]).astype(np.int32)
        at = data.ravel()[(i * data.shape[1] + j) * data.shape[2] + k]
        for share, value in zip(shares, (0, *values), strict=True):
            share += at == value
    found[undecided] = np.array([0, *values], np.uint8)[np.argmax(shares, axis=0)]
    return Volume(found, grid.affine, labels.path)


def _blurred(data: npt.NDArray[np.float32], source: Volume, grid: Grid, matrix: Matrix) -> npt.NDArray[np.float32]:
    """``data`` blurred to the point spread of the grid's voxels, along its own axes."""
    step = np.linalg.inv(source.affine) @ matrix @ grid.affine
    width = np.abs(step[:3, :3]).max(axis=1)  # extent of a grid voxel in voxels of the source
    sigma = np.sqrt(np.maximum(width**2 - 1, 0)) / _FWHM
    # Affine registration scales by some per cent, which is no change of resolution.
    sigma[width < 1.2] = 0
    return ndimage.gaussian_filter(data, sigma, mode="constant") if sigma.any() else data


def _resampled(volume: Volume, grid: Grid, matrix: Matrix, interpolator: int) -> npt.NDArray[np.float32]:
    filter_ = sitk.ResampleImageFilter()
    lps = _FLIP @ grid.affine
    filter_.SetSize(list(grid.shape))
    filter_.SetOutputSpacing(grid.spacing.tolist())
    filter_.SetOutputOrigin(lps[:3, 3].tolist())
    filter_.SetOutputDirection((lps[:3, :3] / grid.spacing).ravel().tolist())
    filter_.SetTransform(to_transform(matrix))
    filter_.SetInterpolator(interpolator)
    filter_.SetOutputPixelType(sitk.sitkFloat32)
    result = sitk.GetArrayFromImage(filter_.Execute(to_itk(volume)))
    return np.ascontiguousarray(result.transpose(2, 1, 0))

"""Volumes and their headers, as NIfTI and MetaImage files hold them, and whether two of them have the same grid."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmark.archives.formats.packed import TAKE_ORIGINAL, ArchivePath
from benchmark.runtime.errors import DataError

Affine = npt.NDArray[np.float64]
# Largest distance, in voxels, between the same corner of two grids that count as equal. Rounding (a qform in float32
# beside an sform) makes up to a tenth of a voxel, and what is shifted by mistake half of one or more.
_SAME_POSITION = 0.25
_SINGULAR_MM3 = 1e-9


class _Positioned:
    affine: Affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along each array axis."""
        i, j, k = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(i), float(j), float(k)


@dataclass(frozen=True)
class Volume(_Positioned):
    """A 3-D image with its position.

    Attributes:
        data: array of shape (i, j, k), in the file's own axes.
        affine: 4x4, from voxel indices to RAS millimetres.
        path: the file it was read from.
    """

    data: npt.NDArray[np.generic]
    affine: Affine
    path: ArchivePath


@dataclass(frozen=True)
class Header(_Positioned):
    """The grid of a volume, as its file states it.

    Attributes:
        shape: voxels along the file's axes.
        affine: 4x4, from voxel indices to RAS millimetres.
        voxel_file: the file that holds the voxels, if that is another one.
    """

    path: ArchivePath
    shape: tuple[int, int, int]
    affine: Affine
    voxel_file: ArchivePath | None = None

    @classmethod
    def checked(cls, path: ArchivePath, shape: Sequence[int], affine: Affine) -> "Header":
        """Checks what a file states of its grid.

        Args:
            shape: after three axes, those of one voxel are dropped.

        Raises:
            DataError: it is not three-dimensional, or has no usable orientation.
        """
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3 or min(shape) < 1:
            raise DataError(path, f"is {times(shape)}, not a 3-D volume", "Put the 3-D image in its place")
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < _SINGULAR_MM3:
            raise DataError(path, "has a singular or non-finite orientation matrix", TAKE_ORIGINAL)
        i, j, k = (int(n) for n in shape)
        return cls(path, (i, j, k), affine)


def check_same_grid(header: Header, reference: Header) -> None:
    """Checks that a label map or mask has the grid of its image, up to a quarter of a voxel.

    Raises:
        DataError: its shape or position differs.
    """
    if header.shape != reference.shape:
        raise DataError(
            header.path,
            f"has {times(header.shape)} voxels, and {reference.path} has {times(reference.shape)}",
            "They must have the same grid: put the file that belongs to the image in its place",
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in header.shape], [1])).reshape(4, -1)
    shift = np.linalg.inv(reference.affine) @ (header.affine - reference.affine)
    apart = float(np.linalg.norm(shift @ corners, axis=0).max())
    if apart > _SAME_POSITION:
        raise DataError(
            header.path,
            f"lies {apart:.3g} voxels away from {reference.path}",
            "They must have the same position and orientation: put the file that belongs to the image in its place",
        )


def at(image: Volume, companion: Volume) -> Volume:
    """A mask or label map at exactly the position of its image, from which it may differ by rounding."""
    return replace(companion, affine=image.affine)


def times(numbers: Sequence[float]) -> str:
    """Sizes along axes for messages, such as "256 x 256 x 150"."""
    return " x ".join(str(n) if isinstance(n, int) else f"{n:.6g}" for n in numbers)

"""What NIfTI and MetaImage files share: a header, and whether two of them lie on the same grid."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.archives.formats.packed import COPY_AGAIN, Place
from benchmark.runtime.errors import DataError

# Two grids coincide when no corner of one is further than this from the same corner of the other.
_SAME_POSITION_MM = 1e-2
_SINGULAR_MM3 = 1e-9
# No scanner is larger; further away, positions are no longer told apart to a fraction of a voxel.
_FARTHEST_MM = 1e4


@dataclass(frozen=True)
class Header:
    """What a file says of its grid.

    Attributes:
        shape: voxels along the file's axes.
        affine: 4x4, from voxel indices to RAS millimetres.
        beside: the file that holds the voxels, where that is another.
    """

    path: Place
    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64]
    beside: Place | None = None

    @classmethod
    def checked(cls, path: Place, shape: Sequence[int], affine: npt.NDArray[np.float64]) -> "Header":
        """A header of what stands in a file.

        Raises:
            DataError: not three-dimensional, or without a usable orientation.
        """
        if len(shape) != 3 or min(shape) < 1:
            raise DataError(path, f"is {times(shape)}, not a 3-D volume", "Put the 3-D image in its place")
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < _SINGULAR_MM3:
            raise DataError(path, "has a singular or non-finite orientation matrix", COPY_AGAIN)
        if np.abs(affine[:3, 3]).max() > _FARTHEST_MM:
            where = ", ".join(f"{x:g}" for x in affine[:3, 3])
            raise DataError(path, f"lies at {where} mm, outside of any scanner", COPY_AGAIN)
        i, j, k = (int(n) for n in shape)
        return cls(path, (i, j, k), affine)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Voxel size in mm along each array axis."""
        i, j, k = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(i), float(j), float(k)


def check_same_grid(header: Header, reference: Header) -> None:
    """Checks that a label map or mask lies where its image lies.

    Raises:
        DataError: of another shape or position.
    """
    if header.shape != reference.shape:
        raise DataError(
            header.path,
            f"has {times(header.shape)} voxels, and {reference.path} has {times(reference.shape)}",
            "They must lie on the same grid: put the file that belongs to the image in its place",
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in header.shape], [1])).reshape(4, -1)
    apart = float(np.linalg.norm((header.affine - reference.affine)[:3] @ corners, axis=0).max())
    if apart > _SAME_POSITION_MM:
        raise DataError(
            header.path,
            f"lies {apart:.3g} mm away from {reference.path}",
            "They must have the same position and orientation: put the file that belongs to the image in its place",
        )


def times(numbers: Sequence[float]) -> str:
    """Sizes along axes, as messages have them."""
    return " x ".join(str(n) if isinstance(n, int) else f"{n:.6g}" for n in numbers)

"""Checks of voxels before anything is computed from them."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.archives.formats.packed import TAKE_ORIGINAL
from benchmark.archives.formats.volumes import Volume
from benchmark.runtime.errors import DataError
from benchmark.runtime.text import counted

_NAMED = 5  # labels that a message lists; an image in the place of a label map has thousands
_LABEL_MAP = "Put the label map that belongs to the image in its place"
_ROUNDING = 1e-3  # of labels that a program stored as fractions, such as 255 times 1/255
_WRAPPED = -(2**14)  # interpolation makes no voxel that dark


def checked_image(volume: Volume) -> Volume:
    """The image as float32.

    Raises:
        DataError: NaN or infinite voxels; empty, constant or negative throughout.
    """
    data = np.asarray(volume.data)
    if not np.isfinite(data).all():
        count = int((~np.isfinite(data)).sum())
        raise DataError(volume.path, f"is NaN or infinite in {counted(count, 'voxel')}", TAKE_ORIGINAL)
    if not data.any():
        raise DataError(volume.path, "is empty: every voxel is 0", TAKE_ORIGINAL)
    if data.min() == data.max():
        raise DataError(volume.path, f"is constant: every voxel is {data.flat[0]}", TAKE_ORIGINAL)
    if data.max() <= 0:
        raise DataError(volume.path, "is background throughout: no voxel is above 0", TAKE_ORIGINAL)
    return Volume(data.astype(np.float32), volume.affine, volume.path)


def checked_labels(volume: Volume, allowed: Collection[int]) -> Volume:
    """The label map as uint8.

    Args:
        allowed: label values besides 0; what is within 0.001 of a whole number is that number.

    Raises:
        DataError: values that are not integers, or not in the label set.
    """
    values = _values(volume)
    whole = np.round(values)
    if (fractions := values[abs(values - whole) > _ROUNDING]).size:
        raise DataError(volume.path, f"holds {fractions[0]:.6g}, and labels are whole numbers", _LABEL_MAP)
    if unknown := sorted(set(whole.tolist()) - {0, *allowed}):
        found = ", ".join(f"{v:g}" for v in unknown[:_NAMED])
        found += f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        known = ", ".join(str(v) for v in sorted(allowed))
        raise DataError(
            volume.path,
            f"holds the labels {found}, and the dataset's are {known}",
            f"{_LABEL_MAP}, or correct 'labels' in the dataset's config",
        )
    data: Any = volume.data
    return Volume(np.round(data).astype(np.uint8), volume.affine, volume.path)


def wrapped(volume: Volume) -> bool:
    """Whether the brightest voxels seem to be negative, as where 16 bits without a sign are stored as with one."""
    return bool(volume.data.dtype == np.int16 and volume.data.min() < _WRAPPED)


def label_volumes(labels: Volume, values: Mapping[str, int]) -> dict[str, float]:
    """mm³ of each label.

    Args:
        values: of the labels by their names.
    """
    voxel = abs(float(np.linalg.det(labels.affine[:3, :3])))
    return {name: voxel * int(np.count_nonzero(labels.data == value)) for name, value in values.items()}


def checked_mask(volume: Volume) -> Volume:
    """The mask as uint8: 1 where the file has a value above 0 (by more than 0.001), else 0.

    Raises:
        DataError: it is empty, or has values that are not finite.
    """
    if not (_values(volume) > _ROUNDING).any():
        raise DataError(volume.path, "covers nothing", TAKE_ORIGINAL)
    return Volume(np.greater(volume.data, _ROUNDING).astype(np.uint8), volume.affine, volume.path)


def _values(volume: Volume) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = np.unique(np.asarray(volume.data)).astype(np.float64)
    if not np.isfinite(values).all():
        raise DataError(volume.path, "has voxels that are NaN or infinite", TAKE_ORIGINAL)
    return values

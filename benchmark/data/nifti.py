"""NIfTI volumes: headers at once, voxels when asked for, and one message for whatever is wrong with a file."""

import gzip
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from benchmark.data.subject import Volume
from benchmark.data.volumes import COPY_AGAIN, Header
from benchmark.errors import DataError


def read_header(path: Path) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file.

    Raises:
        DataError: missing, damaged, not three-dimensional, or without a usable orientation.
    """
    return _header(_open(path), path)


def read_volume(path: Path) -> Volume:
    """Voxels, scaled as the header says, and position.

    Raises:
        DataError: as :func:`read_header`, or the file ends before the shape that its header states is filled, or its
            checksum is wrong.
    """
    image = _open(path)
    header = _header(image, path)
    try:
        if path.suffix == ".gz":
            # nibabel stops behind the last voxel, before the checksum.
            image = type(image).from_bytes(gzip.decompress(path.read_bytes()))
        data = np.asanyarray(image.dataobj)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(path, f"is damaged or truncated ({error})", COPY_AGAIN) from None
    return Volume(data, header.affine, path)


def _open(path: Path) -> Any:
    try:
        return nib.load(path)
    except FileNotFoundError:
        raise DataError(path, "is missing", "Get the whole archive") from None
    except (ImageFileError, HeaderDataError, EOFError, OSError, zlib.error, ValueError) as error:
        raise DataError(path, f"is no readable NIfTI file ({error})", COPY_AGAIN) from None


def _header(image: Any, path: Path) -> Header:
    if not isinstance(image, nib.Nifti1Image):
        raise DataError(path, f"is {type(image).__name__}, not NIfTI", "Put the NIfTI image in its place")
    if image.header["qform_code"] == 0 and image.header["sform_code"] == 0:
        raise DataError(
            path,
            "does not say how it is oriented (qform and sform codes are 0)",
            "Take the original file: without, left and right cannot be told apart",
        )
    return Header.checked(path, image.shape, np.asarray(image.affine, dtype=np.float64))

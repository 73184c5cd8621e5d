"""NIfTI volumes: headers at once, voxels when asked for, and one message for whatever is wrong with a file."""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from benchmark.data.places import COPY_AGAIN, Place
from benchmark.data.subject import Volume
from benchmark.data.volumes import Header
from benchmark.errors import DataError

_UNREADABLE = (
    ImageFileError,
    HeaderDataError,
    WrapStructError,
    EOFError,
    OSError,
    zlib.error,
    ValueError,
    zipfile.BadZipFile,
)


def read_header(place: Place) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file; of a packed one no more is unpacked than that.

    Raises:
        DataError: missing, damaged, not three-dimensional, of colours or complex numbers, or without a usable
            orientation.
    """
    try:
        with _stream(place) as stream:
            header: Any = nib.Nifti1Header.from_fileobj(stream)
        return _checked(place, header)
    except _UNREADABLE as error:
        fault = f"is no readable NIfTI file ({' '.join(str(error).split())})"
        raise DataError(place, fault, COPY_AGAIN) from None


def read_volume(place: Place) -> Volume:
    """Voxels, scaled as the header says, and position.

    Raises:
        DataError: as :func:`read_header`, or the file ends before the shape that its header states is filled, or its
            checksum is wrong.
    """
    try:
        # Whole, as nibabel alone would stop behind the last voxel, before the checksum.
        with _stream(place) as stream:
            image: Any = nib.Nifti1Image.from_bytes(stream.read())
        header = _checked(place, image.header)
        data = np.asanyarray(image.dataobj)
    except _UNREADABLE as error:
        raise DataError(place, f"is damaged or truncated ({' '.join(str(error).split())})", COPY_AGAIN) from None
    return Volume(data, header.affine, place)


@contextmanager
def _stream(place: Place) -> Iterator[IO[bytes]]:
    """The file's content, without compression of its own.

    Raises:
        DataError: it is missing.
    """
    if not place.is_file():
        raise DataError(place, "is missing", "Get the whole archive")
    with place.open("rb") as file:
        if not place.name.endswith(".gz"):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast(IO[bytes], stream)


def _checked(place: Place, header: Any) -> Header:
    if header.get_data_dtype().kind not in "iuf":
        raise DataError(
            place,
            f"holds {header.get_value_label('datatype')} voxels, not one real number each",
            "Put the image of intensities or labels in its place",
        )
    if header["qform_code"] == 0 and header["sform_code"] == 0:
        raise DataError(
            place,
            "does not say how it is oriented (qform and sform codes are 0)",
            "Take the original file: without, left and right cannot be told apart",
        )
    return Header.checked(place, header.get_data_shape(), np.asarray(header.get_best_affine(), dtype=np.float64))

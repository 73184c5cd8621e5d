"""NIfTI volumes: headers at once, voxels when asked for, and one message for whatever is wrong with a file."""

import gzip
import io
import logging
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from benchmark.archives.formats.packed import COPY_AGAIN, Place, check_file, file_size, permitted
from benchmark.archives.formats.volumes import Header
from benchmark.archives.subject import Volume
from benchmark.runtime.errors import DataError

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


_HEADER_BYTES = 348
_FIRST_VOXEL = _HEADER_BYTES + 4  # bytes: four say whether extensions follow
_CHUNK = 1 << 20  # bytes
_SAME_AXIS = np.cos(np.deg2rad(45))  # between directions that two orientations give an axis of the file
_ERROR = 40  # severity from which nibabel refuses a header
# What nibabel repairs of a header (a code of orientation that does not exist, an offset that SPM would not read) is no
# fault, and it says so on standard error unless it has a logger to say it to.
_REPAIRS = logging.getLogger(__name__)
_REPAIRS.addHandler(logging.NullHandler())


def read_header(place: Place) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file, and whether its voxels can be there.

    Of a compressed file no more is unpacked than its header, unless its length seems wrong.

    Raises:
        DataError: missing, not permitted, damaged, not three-dimensional, of colours or complex numbers, without a
            usable orientation or with two that contradict each other, or not as long as the header states.
    """
    try:
        with permitted(place), _stream(place) as stream:
            raw = _raw_header(stream.read(_HEADER_BYTES))
        header = _checked(place, raw)
    except _UNREADABLE as error:
        raise _unreadable(place, "is no readable NIfTI file", error) from None
    try:
        _check_length(place, raw)
    except _UNREADABLE as error:
        raise _unreadable(place, "is damaged or truncated", error) from None
    return header


def read_volume(place: Place) -> Volume:
    """Voxels, scaled as the header says, and position.

    Raises:
        DataError: as :func:`read_header`, or its checksum is wrong.
    """
    try:
        # Whole, as nibabel alone would stop behind the last voxel, before the checksum.
        with permitted(place), _stream(place) as stream:
            content = stream.read()
        raw = _raw_header(content[:_HEADER_BYTES])
        header = _checked(place, raw)
        _compare_length(place, raw, len(content))
        data = np.asanyarray(ArrayProxy(io.BytesIO(content), raw))
    except _UNREADABLE as error:
        raise _unreadable(place, "is damaged or truncated", error) from None
    return Volume(data, header.affine, place)


def _unreadable(place: Place, fault: str, error: Exception) -> DataError:
    return DataError(place, f"{fault} ({' '.join(str(error).split())})", COPY_AGAIN)


def _raw_header(content: bytes) -> Any:
    """nibabel's header, repaired. Extensions, of which nothing is needed, are not read."""
    header = nib.Nifti1Header(content, check=False)
    sides = header["pixdim"][1:4].copy()
    header.check_fix(logger=_REPAIRS, error_level=_ERROR)
    if header["sform_code"] == 0 and not sides.all():
        raise HeaderDataError("voxels have a side of 0 mm")  # repaired to 1 mm, which is a guess
    return header


@contextmanager
def _stream(place: Place) -> Iterator[IO[bytes]]:
    """The file's content, without compression of its own.

    Raises:
        DataError: it is missing, no file, or empty.
    """
    check_file(place)
    if not file_size(place):
        raise DataError(place, "is empty: a file of 0 bytes", COPY_AGAIN)
    with place.open("rb") as file:
        if not place.name.endswith(".gz"):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast(IO[bytes], stream)


def _check_length(place: Place, raw: Any) -> None:
    """Compares the file's length with its header.

    The last four bytes of a gzip file are the length of what it holds, modulo 2^32 and of the last member only. Where
    they do not confirm the header, which they do not of a truncated file nor of a good one of several members, so much
    is unpacked as tells.
    """
    if not place.name.endswith(".gz"):
        _compare_length(place, raw, file_size(place))
        return
    with place.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(4), "little") == _stated_length(raw) % 2**32:
            return
    most, held = _stated_length(raw) + _slice_bytes(raw), 0
    with _stream(place) as stream:
        while held < most and (chunk := stream.read(_CHUNK)):
            held += len(chunk)
    _compare_length(place, raw, held)


def _compare_length(place: Place, raw: Any, held: int) -> None:
    """Refuses too few bytes, and too many: a few of padding are none, and a whole slice was forgotten by the header."""
    stated = _stated_length(raw)
    if held < stated:
        fault = f"is damaged or truncated (it holds {held} bytes, and its header states {stated})"
        raise DataError(place, fault, COPY_AGAIN)
    if held >= stated + _slice_bytes(raw):
        fault = f"holds more voxels than the {' x '.join(map(str, raw.get_data_shape()))} that its header states"
        raise DataError(place, f"{fault}, or larger ones", COPY_AGAIN)


def _stated_length(raw: Any) -> int:
    return int(raw["vox_offset"]) + math.prod(map(int, raw.get_data_shape())) * int(raw.get_data_dtype().itemsize)


def _slice_bytes(raw: Any) -> int:
    """Bytes of the smallest slice, across the longest axis."""
    shape = sorted(map(int, raw.get_data_shape()))
    return math.prod(shape[:-1]) * int(raw.get_data_dtype().itemsize)


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
    if not _FIRST_VOXEL <= header["vox_offset"] < np.inf:
        fault = f"says that its voxels begin at byte {header['vox_offset']:g}, and its header ends at {_FIRST_VOXEL}"
        raise DataError(place, fault, COPY_AGAIN)
    # A slope that is 0 or NaN says that there is none, and nibabel writes NaN itself; it takes infinity for none too.
    if np.isinf(header["scl_slope"]):
        raise DataError(place, "scales its voxels by infinity (scl_slope)", COPY_AGAIN)
    header.get_slope_inter()  # refuses an intercept that is not finite
    checked = Header.checked(place, header.get_data_shape(), np.asarray(header.get_best_affine(), dtype=np.float64))
    if header["qform_code"] > 0 and header["sform_code"] > 0:
        _check_forms(place, header)
    return checked


def _check_forms(place: Place, header: Any) -> None:
    """Refuses a qform and a sform that contradict each other: no guess at which is right should decide on laterality.

    Both may be there and differ: by rounding, by shears that a qform cannot have, or because they lead into different
    spaces, such as the scanner's and a template's, of which their codes tell. Nothing of this mirrors a head; and
    into one and the same space, nothing turns it.
    """
    try:
        stated = header.get_qform()
    except ValueError:  # a quaternion that is none says nothing, and the sform is taken
        return
    sform, qform = (np.asarray(form, np.float64)[:3, :3] for form in (header.get_sform(), stated))
    cosines = (sform * qform).sum(axis=0) / np.sqrt((sform**2).sum(axis=0) * (qform**2).sum(axis=0))
    mirrored = np.linalg.det(sform) * np.linalg.det(qform) < 0
    turned = header["qform_code"] == header["sform_code"] and cosines.min() < _SAME_AXIS
    if mirrored or turned:
        said, other = ("".join(nib.aff2axcodes(header.get_sform())), "".join(nib.aff2axcodes(stated)))
        fault = f"contradicts itself: by its qform (axes {other}), it is {'mirrored' if mirrored else 'turned'}"
        raise DataError(
            place,
            f"{fault} against its sform (axes {said})",
            "Take the original file: which side is left cannot be told",
        )

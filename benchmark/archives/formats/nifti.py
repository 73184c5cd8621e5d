"""NIfTI volumes: header and voxels are read separately, and each fault of a file is one message."""

import gzip
import io
import logging
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast
from zipfile import BadZipFile

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from benchmark.archives.formats.packed import COPY_AGAIN, ArchivePath, check_file, file_size, permitted
from benchmark.archives.formats.volumes import Header, Volume
from benchmark.runtime.errors import DataError

_UNREADABLE = (ImageFileError, HeaderDataError, WrapStructError, EOFError, OSError, zlib.error, ValueError, BadZipFile)
_HEADER_BYTES = 348
_FIRST_VOXEL = _HEADER_BYTES + 4  # bytes: the last four say whether there are extensions
_CHUNK = 1 << 20  # bytes
_SAME_AXIS = np.cos(np.deg2rad(45))  # largest angle between the directions of an axis by qform and by sform
_ERROR = 40  # nibabel refuses a header from this severity on
# What nibabel repairs (an unknown orientation code, an offset that SPM cannot read) is no fault; without a logger,
# nibabel would report it on standard error.
_REPAIRS = logging.getLogger(__name__)
_REPAIRS.addHandler(logging.NullHandler())


def read_header(path: ArchivePath) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file, after a check that the file is as long as the header states.

    Of a compressed file, only the header is uncompressed, unless the length seems wrong.

    Raises:
        DataError: the file is missing, unreadable or damaged; the volume is not three-dimensional, or not of one real
            number a voxel; its orientation is missing or contradictory; or its length is wrong.
    """
    try:
        with permitted(path), _stream(path) as stream:
            raw = _raw_header(stream.read(_HEADER_BYTES))
        header = _checked(path, raw)
    except _UNREADABLE as error:
        raise _unreadable(path, "is no readable NIfTI file", error) from None
    try:
        _check_length(path, raw)
    except _UNREADABLE as error:
        raise _unreadable(path, "is damaged or truncated", error) from None
    return header


def read_volume(path: ArchivePath) -> Volume:
    """Voxels, scaled as the header says, and position.

    Raises:
        DataError: as :func:`read_header`, or a wrong checksum.
    """
    try:
        # The whole file: nibabel would stop after the last voxel, before the checksum.
        with permitted(path), _stream(path) as stream:
            content = stream.read()
        raw = _raw_header(content[:_HEADER_BYTES])
        header = _checked(path, raw)
        _compare_length(path, raw, len(content))
        data = np.asanyarray(ArrayProxy(io.BytesIO(content), raw))
    except _UNREADABLE as error:
        raise _unreadable(path, "is damaged or truncated", error) from None
    return Volume(data, header.affine, path)


def _unreadable(path: ArchivePath, fault: str, error: Exception) -> DataError:
    return DataError(path, f"{fault} ({' '.join(str(error).split())})", COPY_AGAIN)


def _raw_header(content: bytes) -> Any:
    """nibabel's header, repaired, without extensions."""
    header = nib.Nifti1Header(content, check=False)
    sides = header["pixdim"][1:4].copy()
    header.check_fix(logger=_REPAIRS, error_level=_ERROR)
    if header["sform_code"] == 0 and not sides.all():
        raise HeaderDataError("voxels have a side of 0 mm")  # nibabel would guess 1 mm
    return header


@contextmanager
def _stream(path: ArchivePath) -> Iterator[IO[bytes]]:
    """The file's content, uncompressed.

    Raises:
        DataError: the file is missing or empty.
    """
    check_file(path)
    if not file_size(path):
        raise DataError(path, "is empty: a file of 0 bytes", COPY_AGAIN)
    with path.open("rb") as file:
        if not path.name.endswith(".gz"):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast(IO[bytes], stream)


def _check_length(path: ArchivePath, raw: Any) -> None:
    """Compares the file's length with its header.

    A gzip file ends with the uncompressed length of its last member, modulo 2^32. If that differs from the header, the
    file may be truncated or have several members, and is uncompressed as far as needed.
    """
    if not path.name.endswith(".gz"):
        _compare_length(path, raw, file_size(path))
        return
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(4), "little") == _stated_length(raw) % 2**32:
            return
    most, held = _stated_length(raw) + _slice_bytes(raw), 0
    with _stream(path) as stream:
        while held < most and (chunk := stream.read(_CHUNK)):
            held += len(chunk)
    _compare_length(path, raw, held)


def _compare_length(path: ArchivePath, raw: Any, held: int) -> None:
    """Refuses too few bytes, or a whole slice too many; fewer extra bytes are padding."""
    stated = _stated_length(raw)
    if held < stated:
        fault = f"is damaged or truncated (it holds {held} bytes, and its header states {stated})"
        raise DataError(path, fault, COPY_AGAIN)
    if held >= stated + _slice_bytes(raw):
        fault = f"holds more voxels than the {' x '.join(map(str, raw.get_data_shape()))} that its header states"
        raise DataError(path, f"{fault}, or larger ones", COPY_AGAIN)


def _stated_length(raw: Any) -> int:
    return int(raw["vox_offset"]) + math.prod(map(int, raw.get_data_shape())) * int(raw.get_data_dtype().itemsize)


def _slice_bytes(raw: Any) -> int:
    """Bytes of the smallest slice, across the longest axis."""
    shape = sorted(map(int, raw.get_data_shape()))
    return math.prod(shape[:-1]) * int(raw.get_data_dtype().itemsize)


def _checked(path: ArchivePath, header: Any) -> Header:
    if header.get_data_dtype().kind not in "iuf":
        raise DataError(
            path,
            f"holds {header.get_value_label('datatype')} voxels, not one real number each",
            "Put the image of intensities or labels in its path",
        )
    if header["qform_code"] == 0 and header["sform_code"] == 0:
        raise DataError(
            path,
            "does not say how it is oriented (qform and sform codes are 0)",
            "Take the original file: without an orientation, left and right cannot be told apart",
        )
    if not _FIRST_VOXEL <= header["vox_offset"] < np.inf:
        fault = f"says that its voxels begin at byte {header['vox_offset']:g}, and its header ends at {_FIRST_VOXEL}"
        raise DataError(path, fault, COPY_AGAIN)
    # A slope of 0 or NaN means none, and nibabel itself writes NaN. It would ignore an infinite one.
    if np.isinf(header["scl_slope"]):
        raise DataError(path, "scales its voxels by infinity (scl_slope)", COPY_AGAIN)
    header.get_slope_inter()  # refuses an intercept that is not finite
    checked = Header.checked(path, header.get_data_shape(), np.asarray(header.get_best_affine(), dtype=np.float64))
    if header["qform_code"] > 0 and header["sform_code"] > 0:
        _check_forms(path, header)
    return checked


def _check_forms(path: ArchivePath, header: Any) -> None:
    """Refuses a qform and an sform that contradict each other, so that laterality is never a guess.

    They may differ by rounding, by shears that a qform cannot express, or because they lead into different spaces, as
    their codes say (the scanner's, a template's). None of this mirrors a head, and within one space none rotates it.
    """
    try:
        stated = header.get_qform()
    except ValueError:  # an invalid quaternion; the sform counts
        return
    sform, qform = (np.asarray(form, np.float64)[:3, :3] for form in (header.get_sform(), stated))
    cosines = (sform * qform).sum(axis=0) / np.sqrt((sform**2).sum(axis=0) * (qform**2).sum(axis=0))
    mirrored = np.linalg.det(sform) * np.linalg.det(qform) < 0
    turned = header["qform_code"] == header["sform_code"] and cosines.min() < _SAME_AXIS
    if mirrored or turned:
        said, other = ("".join(nib.aff2axcodes(header.get_sform())), "".join(nib.aff2axcodes(stated)))
        fault = f"contradicts itself: by its qform (axes {other}), it is {'mirrored' if mirrored else 'turned'}"
        raise DataError(
            path,
            f"{fault} against its sform (axes {said})",
            "Take the original file: left and right cannot be told apart",
        )

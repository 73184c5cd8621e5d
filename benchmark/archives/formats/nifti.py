"""NIfTI volumes: header and voxels are read separately, and each fault of a file is one message."""

import io
import logging
import math
import os
import zlib
from typing import Any
from zipfile import BadZipFile

import nibabel as nib
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from benchmark.archives.formats.packed import COPY_AGAIN, TAKE_ORIGINAL, ArchivePath, check_file, file_size, permitted
from benchmark.archives.formats.volumes import Header, Volume
from benchmark.runtime.errors import DataError

_DAMAGED = (EOFError, OSError, zlib.error, BadZipFile)
# First bytes of files that people have under the name of a NIfTI file: what they are, and what to do.
_OTHERS = {
    b"PK": ("a zip file", "Unpack it, and put the image in its place"),
    b"BZh": ("compressed with bzip2", "Uncompress it, and put the image in its place"),
    b"\xfd7zXZ": ("compressed with xz", "Uncompress it, and put the image in its place"),
    b"<": ("a web page", "Download the file again: a server may send a page that asks for a password in its place"),
    b"version https://git-lfs": ("a pointer of Git LFS", "Fetch the file that it stands for: git lfs pull"),
}
_HEADER_BYTES = 348
_FIRST_VOXEL = _HEADER_BYTES + 4  # bytes: the last four say whether there are extensions
_CHUNK = 1 << 20  # bytes
_GZIP = b"\x1f\x8b"
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
        raw, header = _header(path, _content(path, _HEADER_BYTES))
        _check_length(path, raw)
    except _DAMAGED as error:
        raise DataError(path, "is damaged or truncated", COPY_AGAIN) from error
    return header


def read_volume(path: ArchivePath) -> Volume:
    """Voxels, scaled as the header says, and position.

    Raises:
        DataError: as :func:`read_header`, or a wrong checksum.
    """
    try:
        # The whole file: nibabel would stop after the last voxel, before the checksum.
        content = _content(path)
        raw, header = _header(path, content[:_HEADER_BYTES])
        _compare_length(path, raw, len(content))
        data = np.asanyarray(ArrayProxy(io.BytesIO(content), raw)).reshape(header.shape)
    except _DAMAGED as error:
        raise DataError(path, "is damaged or truncated", COPY_AGAIN) from error
    return Volume(data, header.affine, path)


def _content(path: ArchivePath, most: float = math.inf) -> bytes:
    """The file's content, uncompressed if its first bytes, and not its name, say that it is compressed.

    As for gunzip, a file may have several compressed parts, and what follows the last one is no part of it.

    Args:
        most: bytes to read; the checksum of a part that is read to its end is compared.

    Raises:
        DataError: the file is missing or empty, or may not be read.
        EOFError, zlib.error: it is damaged or truncated.
    """
    check_file(path)
    if not file_size(path):
        raise DataError(path, "is empty: a file of 0 bytes", COPY_AGAIN)
    with permitted(path), path.open("rb") as file:
        size = int(min(max(most, len(_GZIP)), _CHUNK))
        read = file.read(size)
        if not read.startswith(_GZIP):
            return read if most <= size else read + file.read()
        parts, held, part = [], 0, zlib.decompressobj(wbits=31)
        while held < most:
            parts.append(part.decompress(read, 0 if math.isinf(most) else int(most) - held))
            held += len(parts[-1])
            read = (part.unused_data.lstrip(b"\0") if part.eof else part.unconsumed_tail) or file.read(size)
            if part.eof:
                if not read.startswith(_GZIP):
                    break
                part = zlib.decompressobj(wbits=31)
            elif not read:
                raise EOFError
        return b"".join(parts)


def _check_length(path: ArchivePath, raw: Any) -> None:
    """Compares the file's length with its header.

    A gzip file ends with the uncompressed length of its last member, modulo 2^32. If that differs from the header, the
    file may be truncated or have several members, and is uncompressed as far as needed.
    """
    with path.open("rb") as file:
        if file.read(len(_GZIP)) != _GZIP:
            _compare_length(path, raw, file_size(path))
            return
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(4), "little") == _stated_length(raw) % 2**32:
            return
    _compare_length(path, raw, len(_content(path, _stated_length(raw) + _slice_bytes(raw))))


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


def _header(path: ArchivePath, content: bytes) -> tuple[Any, Header]:
    """nibabel's header, repaired, without extensions; and the grid that it states."""
    try:
        raw = nib.Nifti1Header(content, check=False)
        sides = raw["pixdim"][1:4].copy()
        raw.check_fix(logger=_REPAIRS, error_level=_ERROR)
        affine = np.asarray(raw.get_best_affine(), dtype=np.float64)
    except (WrapStructError, HeaderDataError, ValueError) as error:
        other, remedy = next((of for start, of in _OTHERS.items() if content.startswith(start)), (None, TAKE_ORIGINAL))
        fault = f"is {other}, and no NIfTI file" if other else "is no readable NIfTI file"
        raise DataError(path, fault, remedy) from error
    if raw["sform_code"] == 0 and not sides.all():  # nibabel would guess 1 mm
        raise DataError(path, "has voxels with a side of 0 mm", TAKE_ORIGINAL)
    if raw.get_data_dtype().kind not in "iuf":
        raise DataError(
            path,
            f"holds {raw.get_value_label('datatype')} voxels, not one real number each",
            "Put the image of intensities or labels in its path",
        )
    if raw["qform_code"] == 0 and raw["sform_code"] == 0:
        raise DataError(
            path,
            "does not say how it is oriented (qform and sform codes are 0)",
            "Take the original file: without an orientation, left and right cannot be told apart",
        )
    if not _FIRST_VOXEL <= raw["vox_offset"] < np.inf:
        fault = f"says that its voxels begin at byte {raw['vox_offset']:g}, and its header ends at {_FIRST_VOXEL}"
        raise DataError(path, fault, TAKE_ORIGINAL)
    # A slope of 0 or NaN means none, and nibabel itself writes NaN. It would ignore an infinite one.
    slope, intercept = raw["scl_slope"], raw["scl_inter"]
    if np.isinf(slope) or (np.isfinite(slope) and slope != 0 and not np.isfinite(intercept)):
        raise DataError(path, "scales its voxels by numbers that are not finite (scl_slope, scl_inter)", TAKE_ORIGINAL)
    checked = Header.checked(path, raw.get_data_shape(), affine)
    if raw["qform_code"] > 0 and raw["sform_code"] > 0:
        _check_forms(path, raw)
    return raw, checked


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

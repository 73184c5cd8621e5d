"""NIfTI volumes: header and voxels are read separately, and each fault of a file is one message."""

import gzip
import io
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

from benchmark.archives.formats.packed import COPY_AGAIN, ArchivePath, check_file
from benchmark.archives.formats.volumes import Header, Volume
from benchmark.runtime.errors import DataError

_UNREADABLE = (ImageFileError, HeaderDataError, WrapStructError, EOFError, OSError, zlib.error, ValueError, BadZipFile)
_HEADER_BYTES = 348
_SAME_AXIS = np.cos(np.deg2rad(45))  # largest angle between the directions of an axis by qform and by sform


def read_header(path: ArchivePath) -> Header:
    """Header of a ``.nii`` or ``.nii.gz`` file; the voxels are not read.

    Raises:
        DataError: the file is missing or no NIfTI file; the volume is not three-dimensional, or not of one real number
            a voxel; or its orientation is missing or contradictory.
    """
    try:
        with _stream(path) as stream:
            return _checked(path, nib.Nifti1Header(stream.read(_HEADER_BYTES)))
    except _UNREADABLE as error:
        raise _unreadable(path, "is no readable NIfTI file", error) from None


def read_volume(path: ArchivePath) -> Volume:
    """Voxels, scaled as the header says, and position.

    Raises:
        DataError: as :func:`read_header`; or the file is truncated, or has a wrong checksum.
    """
    try:
        # The whole file: nibabel would stop after the last voxel, before the checksum.
        with _stream(path) as stream:
            content = stream.read()
        raw = nib.Nifti1Header(content[:_HEADER_BYTES])
        header = _checked(path, raw)
        data = np.asanyarray(ArrayProxy(io.BytesIO(content), raw))
    except _UNREADABLE as error:
        raise _unreadable(path, "is damaged or truncated", error) from None
    return Volume(data, header.affine, path)


def _unreadable(path: ArchivePath, fault: str, error: Exception) -> DataError:
    return DataError(path, f"{fault} ({' '.join(str(error).split())})", COPY_AGAIN)


@contextmanager
def _stream(path: ArchivePath) -> Iterator[IO[bytes]]:
    """The file's content, uncompressed."""
    check_file(path)
    with path.open("rb") as file:
        if path.name.endswith(".gz"):
            with gzip.GzipFile(fileobj=file) as stream:
                yield cast(IO[bytes], stream)
        else:
            yield file


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

"""MetaImage volumes: an ``.mhd`` file with the header, and an uncompressed ``.raw`` file with the voxels.

They are not read by ITK, which needs files on disk, and crashes on some damaged headers.
"""

import math
import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from benchmark.archives.formats.packed import COPY_AGAIN, TAKE_ORIGINAL, ArchivePath, check_file, file_size, permitted
from benchmark.archives.formats.volumes import Header, Volume
from benchmark.runtime.errors import DataError

_TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def read_header(path: ArchivePath) -> Header:
    """Header of an ``.mhd`` file, after a check that there are as many bytes of voxels as it states.

    Raises:
        DataError: a file is missing, unreadable or damaged; the volume is not three-dimensional, or has several values
            a voxel; its voxels are compressed; or their file has a wrong length.
    """
    return _read(path)[0]


def read_volume(path: ArchivePath) -> Volume:
    """Voxels, indexed as (x, y, z), and position.

    Raises:
        DataError: as :func:`read_header`.
    """
    header, raw, kind = _read(path)
    data = np.frombuffer(_content(raw), kind).reshape(header.shape, order="F")
    return Volume(data, header.affine, path)


def _read(path: ArchivePath) -> tuple[Header, ArchivePath, np.dtype]:
    """The header, the file with the voxels, and their type."""
    # As names of files are decoded: the file with the voxels may have any.
    lines = (line.partition("=") for line in _content(path).decode("utf-8", "surrogateescape").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    try:
        header, name, element = _grid(path, fields), fields["ElementDataFile"], fields["ElementType"]
    except KeyError as error:
        raise DataError(path, f"is no readable MetaImage header (it has no {error})", TAKE_ORIGINAL) from None
    except ValueError as error:  # its message may repeat the file's text
        fault = "is no readable MetaImage header (its sizes, spacings and directions are not the numbers of a volume)"
        raise DataError(path, fault, TAKE_ORIGINAL) from error
    if element not in _TYPES or fields.get("ElementNumberOfChannels", "1") != "1":
        raise DataError(path, "does not have one number a voxel", "Put the image of intensities or labels in its place")
    if fields.get("CompressedData", "False") != "False":
        raise DataError(path, "has compressed voxels", TAKE_ORIGINAL)
    kind = np.dtype(_TYPES[element]).newbyteorder(">" if fields.get("BinaryDataByteOrderMSB") == "True" else "<")
    # No message repeats the name: with the path of another machine it may contain a person's name.
    if re.search(r"[/\\]|^\w:", name):
        raise DataError(path, "has its voxels, 'ElementDataFile', in another folder", TAKE_ORIGINAL)
    raw = path.parent / name
    if raw.name != f"{PurePath(path.name).stem}.raw" and not raw.is_file():
        fault = "names a file of voxels, 'ElementDataFile', that is not beside it"
        raise DataError(path, fault, "Put that file beside it")
    check_file(raw)
    if (held := file_size(raw)) != (stated := math.prod(header.shape) * kind.itemsize):
        raise DataError(raw, f"holds {held} bytes, and {path.name} states {stated}", COPY_AGAIN)
    return replace(header, voxel_file=raw), raw, kind


def _grid(path: ArchivePath, fields: dict[str, str]) -> Header:
    directions = np.array(fields.get("TransformMatrix", "1 0 0 0 1 0 0 0 1").split(), np.float64)
    lps = np.eye(4)
    lps[:3, :3] = directions.reshape(3, 3).T * np.array(fields["ElementSpacing"].split(), np.float64)
    lps[:3, 3] = np.array(fields.get("Offset", "0 0 0").split(), np.float64)
    return Header.checked(path, [int(n) for n in fields["DimSize"].split()], _LPS_TO_RAS @ lps)


def _content(path: ArchivePath) -> bytes:
    check_file(path)
    try:
        with permitted(path):
            return path.read_bytes()
    except _DAMAGED as error:
        raise DataError(path, "is damaged or truncated", COPY_AGAIN) from error

"""MetaImage volumes (``.mhd``, with the voxels in a ``.raw`` file): header and voxels are read separately."""

import math
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmark.archives.formats.packed import COPY_AGAIN, ArchivePath, check_file, file_size, permitted
from benchmark.archives.formats.volumes import Header, Volume
from benchmark.runtime.errors import DataError

_REQUIRED = ("NDims", "DimSize", "ElementType", "ElementDataFile")
_TYPES = ("CHAR", "SHORT", "INT", "LONG", "LONG_LONG")
_NUMBERS = {f"MET_{sign}{name}" for name in _TYPES for sign in ("", "U")} | {"MET_FLOAT", "MET_DOUBLE"}
# The last line of a header, which voxels in the same file follow.
_LAST_LINE = re.compile(rb"^[ \t]*ElementDataFile[ \t]*=.*(?:\n|\Z)", re.MULTILINE)
_LOCAL = "LOCAL"
_SHOWN = 20  # characters of a damaged value that a message shows
_TRUE = ("T", "t", "1")  # as ITK reads it
_ZLIB_OR_GZIP = 47  # window bits that accept both headers
_CHUNK = 1 << 20  # bytes


def read_header(path: ArchivePath) -> Header:
    """Header of an ``.mhd`` file, after a check that there are as many bytes of voxels as it states.

    Raises:
        DataError: the file is missing, unreadable or damaged; the volume is not three-dimensional, has several values a
            voxel or no voxel size; or the number of bytes is wrong.
    """
    with permitted(path), _on_disk(path) as local:
        fields = _fields(local, path)
        return _header(_information(local, path), path, fields)


def read_volume(path: ArchivePath) -> Volume:
    """Voxels, indexed as (x, y, z), and position.

    Raises:
        DataError: as :func:`read_header`.
    """
    with permitted(path), _on_disk(path, voxels=True) as local:
        fields = _fields(local, path)
        reader = _information(local, path)
        header = _header(reader, path, fields)
        if isinstance(header.voxel_file, Path):
            header.voxel_file.open("rb").close()  # ITK does not report a missing permission
        try:
            image = reader.Execute()
        except RuntimeError:
            raise DataError(path, "is damaged or truncated", COPY_AGAIN) from None
    return Volume(sitk.GetArrayFromImage(image).transpose(2, 1, 0), header.affine, path, header.voxel_file)


@contextmanager
def _on_disk(path: ArchivePath, *, voxels: bool = False) -> Iterator[Path]:
    """The file itself or, since ITK reads only files on disk, a temporary copy of a packed one.

    Args:
        voxels: whether to copy the raw file too.

    Raises:
        DataError: the file is missing, or damaged in its archive.
    """
    if isinstance(path, Path):
        check_file(path)
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        local = _copy(path, Path(folder))
        if voxels and (raw := _raw_name(path, _fields(local, path))):
            _copy(path.parent / raw, Path(folder))
        yield local


def _copy(path: ArchivePath, folder: Path) -> Path:
    check_file(path)
    try:
        with path.open("rb") as file, (folder / path.name).open("wb") as copy:
            shutil.copyfileobj(file, copy)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(path, f"is damaged or truncated ({error})", COPY_AGAIN) from None
    return folder / path.name


def _header(information: Any, path: ArchivePath, fields: Mapping[str, str]) -> Header:
    _check_raw_size(path, information, fields)
    lps = np.eye(4)
    lps[:3, :3] = np.array(information.GetDirection()).reshape(3, 3) * information.GetSpacing()
    lps[:3, 3] = information.GetOrigin()
    raw = _raw_name(path, fields)
    header = Header.checked(path, information.GetSize(), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)
    return replace(header, voxel_file=path.parent / raw if raw else None)


def _information(local: Path, path: ArchivePath) -> Any:
    """A SimpleITK reader that has read the header."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(str(local))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise DataError(path, "is no readable MetaImage header", COPY_AGAIN) from None
    if reader.GetNumberOfComponents() != 1:
        raise DataError(path, "has several values in each voxel", "Put the image of intensities or labels in its place")
    return reader


def _fields(local: Path, path: ArchivePath) -> Mapping[str, str]:
    """Keys and values of the header.

    Raises:
        DataError: not three-dimensional; or a value is missing or wrong that ITK would crash on, report on standard
            error alone, or silently take for something else.
    """
    content = local.read_bytes()
    lines = (line.partition("=") for line in content[: _header_bytes(content)].decode("latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    if missing := next((key for key in _REQUIRED if key not in fields), None):
        raise DataError(path, f"is no readable MetaImage header (it has no '{missing}')", COPY_AGAIN)
    sizes = fields["DimSize"].split()
    if not all(n.isdecimal() for n in sizes) or str(len(sizes)) != fields["NDims"]:
        fault = f"'DimSize' is not as many whole numbers as 'NDims' says, {fields['NDims'][:_SHOWN]}"
        raise DataError(path, f"is no readable MetaImage header ({fault})", COPY_AGAIN)
    if len(sizes) != 3:
        Header.checked(path, [int(n) for n in sizes], np.eye(4))  # raises
    if fields["ElementType"] not in _NUMBERS:
        fault = f"has voxels of the type {fields['ElementType'][:_SHOWN]}, which is not one number a voxel"
        raise DataError(path, fault, "Put the image of intensities or labels in its place")
    for key in ("ElementSpacing", "ElementSize"):
        if key in fields and not _are_sizes(fields[key].split()):
            fault = f"'{key}' is '{fields[key][:_SHOWN]}', and sizes of voxels are three numbers above 0"
            raise DataError(path, fault, COPY_AGAIN)
    if fields.get("HeaderSize", "0") != "0":
        fault = f"states that a header precedes the voxels ('HeaderSize' is {fields['HeaderSize'][:_SHOWN]})"
        raise DataError(path, f"{fault}, but their file must hold nothing else", COPY_AGAIN)
    return fields


def _header_bytes(content: bytes) -> int:
    """Length of the header."""
    last = _LAST_LINE.search(content)
    return last.end() if last else len(content)


def _are_sizes(numbers: list[str]) -> bool:
    try:
        return len(numbers) == 3 and all(0 < float(n) < math.inf for n in numbers)
    except ValueError:
        return False


def _raw_name(path: ArchivePath, fields: Mapping[str, str]) -> str | None:
    """Name of the file that holds the voxels; None if they follow the header.

    Raises:
        DataError: the name is missing, or is a path to another folder.
    """
    name = fields["ElementDataFile"]
    if not name or Path(name).name != name:
        # The message leaves out the path: it may contain a person's name.
        stated = "an 'ElementDataFile' in another folder" if name else "no 'ElementDataFile'"
        raise DataError(path, f"has {stated}, where it must name the file beside it that holds the voxels", COPY_AGAIN)
    return None if name == _LOCAL else name


def _check_raw_size(path: ArchivePath, information: Any, fields: Mapping[str, str]) -> None:
    """Compares the bytes of the voxels with the header: ITK ignores extra ones, and invents missing compressed ones."""
    name = _raw_name(path, fields)
    raw, start = (path.parent / name, 0) if name else (path, _header_bytes(path.read_bytes()))
    check_file(raw)
    held = file_size(raw) - start
    voxel_bytes = sitk.Image([1, 1, 1], information.GetPixelID()).GetSizeOfPixelComponent()
    stated = math.prod(information.GetSize()) * voxel_bytes
    source = f"{path.name} states" if name else "its header states"
    if fields.get("CompressedData", "").startswith(_TRUE):
        # Without this size, ITK does not find compressed voxels after a header, and invents them.
        size = fields.get("CompressedDataSize", str(held) if name else "none")
        if size != str(held):
            raise DataError(raw, f"holds {held} compressed bytes, and {source} {size}", COPY_AGAIN)
        if (found := _uncompressed_size(raw, start, source, stated)) != stated:
            more = "more than " if found > stated else ""
            fault = f"holds {more}{min(found, stated)} bytes when uncompressed, and {source} {stated}"
            raise DataError(raw, fault, COPY_AGAIN)
    elif held != stated:
        raise DataError(raw, f"holds {held} bytes{'' if name else ' of voxels'}, and {source} {stated}", COPY_AGAIN)


def _uncompressed_size(raw: ArchivePath, start: int, source: str, enough: int) -> int:
    """Bytes of compressed voxels when uncompressed, counted to the end or until there are more than ``enough``.

    Args:
        start: offset of the first byte.
        source: words for what states that they are compressed.

    Raises:
        DataError: they are not compressed, damaged or truncated.
    """
    stream, held = zlib.decompressobj(_ZLIB_OR_GZIP), 0
    try:
        with raw.open("rb") as file:
            file.read(start)
            while held <= enough and not stream.eof and (chunk := stream.unconsumed_tail or file.read(_CHUNK)):
                held += len(stream.decompress(chunk, _CHUNK))
    except zlib.error as error:
        fault = f"is damaged, or not compressed as {source} ({error})"
        raise DataError(raw, fault, f"{COPY_AGAIN}, or correct 'CompressedData'") from None
    if held <= enough and not stream.eof:
        raise DataError(raw, "is truncated", COPY_AGAIN)
    return held

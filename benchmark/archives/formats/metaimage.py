"""MetaImage volumes (``.mhd`` with a ``.raw`` beside it): headers at once, voxels when asked for."""

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

from benchmark.archives.formats.packed import COPY_AGAIN, Place, check_file, file_size, permitted, sibling
from benchmark.archives.formats.volumes import Header
from benchmark.archives.subject import Volume
from benchmark.runtime.errors import DataError

_REQUIRED = ("NDims", "DimSize", "ElementType", "ElementDataFile")
_TYPES = ("CHAR", "SHORT", "INT", "LONG", "LONG_LONG")
_NUMBERS = {f"MET_{sign}{name}" for name in _TYPES for sign in ("", "U")} | {"MET_FLOAT", "MET_DOUBLE"}
# With it the header ends; voxels follow, where they are in the same file.
_LAST_LINE = re.compile(rb"^[ \t]*ElementDataFile[ \t]*=.*(?:\n|\Z)", re.MULTILINE)
_LOCAL = "LOCAL"
_SHOWN = 20  # characters of what a damaged header has in a number's place
_TRUE = ("T", "t", "1")  # how ITK reads it
_ZLIB_OR_GZIP = 47  # window bits: either header
_CHUNK = 1 << 20  # bytes


def read_header(place: Place) -> Header:
    """Header of an ``.mhd`` file, and whether its voxels can be there.

    Raises:
        DataError: missing, not permitted, damaged, not three-dimensional, of several values in a voxel, without a size
            of its voxels, or there are not as many bytes of voxels as the header states.
    """
    with permitted(place), _on_disk(place) as path:
        fields = _fields(path, place)
        return _header(_information(path, place), place, fields)


def read_volume(place: Place) -> Volume:
    """Voxels, indexed as (x, y, z), and position.

    Raises:
        DataError: as :func:`read_header`.
    """
    with permitted(place), _on_disk(place, voxels=True) as path:
        fields = _fields(path, place)
        reader = _information(path, place)
        header = _header(reader, place, fields)
        if isinstance(header.beside, Path):
            header.beside.open("rb").close()  # ITK does not say that it may not be read
        try:
            image = reader.Execute()
        except RuntimeError:
            raise DataError(place, "is damaged or truncated", COPY_AGAIN) from None
    return Volume(sitk.GetArrayFromImage(image).transpose(2, 1, 0), header.affine, place, header.beside)


@contextmanager
def _on_disk(place: Place, *, voxels: bool = False) -> Iterator[Path]:
    """The file itself; of a packed one a copy, because ITK reads nothing but files, for as long as it is read.

    Args:
        voxels: whether the raw file is read too.

    Raises:
        DataError: it is missing, no file, or damaged in its archive.
    """
    if isinstance(place, Path):
        check_file(place)
        yield place
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(place, Path(folder))
        if voxels and (raw := _raw_name(place, _fields(copy, place))):
            _copied(sibling(place, raw), Path(folder))
        yield copy


def _copied(place: Place, folder: Path) -> Path:
    check_file(place)
    try:
        with place.open("rb") as file, (folder / place.name).open("wb") as copy:
            shutil.copyfileobj(file, copy)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(place, f"is damaged or truncated ({error})", COPY_AGAIN) from None
    return folder / place.name


def _header(information: Any, place: Place, fields: Mapping[str, str]) -> Header:
    _check_raw_size(place, information, fields)
    lps = np.eye(4)
    lps[:3, :3] = np.array(information.GetDirection()).reshape(3, 3) * information.GetSpacing()
    lps[:3, 3] = information.GetOrigin()
    raw = _raw_name(place, fields)
    header = Header.checked(place, information.GetSize(), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)
    return replace(header, beside=sibling(place, raw) if raw else None)


def _information(path: Path, place: Place) -> Any:
    """A SimpleITK reader that has read the header."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise DataError(place, "is no readable MetaImage header", COPY_AGAIN) from None
    if reader.GetNumberOfComponents() != 1:
        raise DataError(
            place, "has several values in each voxel", "Put the image of intensities or labels in its place"
        )
    return reader


def _fields(path: Path, place: Place) -> Mapping[str, str]:
    """What stands in the header.

    Raises:
        DataError: not three-dimensional, or something is missing or no number without which ITK reads nothing, which
            it says on standard error, or crashes; or something that ITK takes for something else without a word.
    """
    content = path.read_bytes()
    lines = (line.partition("=") for line in content[: _header_bytes(content)].decode("latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    if missing := next((key for key in _REQUIRED if key not in fields), None):
        raise DataError(place, f"is no readable MetaImage header (it has no '{missing}')", COPY_AGAIN)
    sizes = fields["DimSize"].split()
    if not all(n.isdecimal() for n in sizes) or str(len(sizes)) != fields["NDims"]:
        fault = f"'DimSize' is not as many whole numbers as 'NDims' says, {fields['NDims'][:_SHOWN]}"
        raise DataError(place, f"is no readable MetaImage header ({fault})", COPY_AGAIN)
    if len(sizes) != 3:
        Header.checked(place, [int(n) for n in sizes], np.eye(4))  # refuses it
    if fields["ElementType"] not in _NUMBERS:
        fault = f"has voxels of the type {fields['ElementType'][:_SHOWN]}, which is none of one number each"
        raise DataError(place, fault, "Put the image of intensities or labels in its place")
    for key in ("ElementSpacing", "ElementSize"):
        if key in fields and not _are_sizes(fields[key].split()):
            fault = f"'{key}' is '{fields[key][:_SHOWN]}', and sizes of voxels are three numbers above 0"
            raise DataError(place, fault, COPY_AGAIN)
    if fields.get("HeaderSize", "0") != "0":
        fault = f"says that its voxels begin behind a header ('HeaderSize' is {fields['HeaderSize'][:_SHOWN]})"
        raise DataError(place, f"{fault}, and they must be all that their file holds", COPY_AGAIN)
    return fields


def _header_bytes(content: bytes) -> int:
    """Length of the header, up to the voxels where these follow it."""
    last = _LAST_LINE.search(content)
    return last.end() if last else len(content)


def _are_sizes(numbers: list[str]) -> bool:
    try:
        return len(numbers) == 3 and all(0 < float(n) < math.inf for n in numbers)
    except ValueError:
        return False


def _raw_name(place: Place, fields: Mapping[str, str]) -> str | None:
    """Name of the file that holds the voxels; None where the header's own does.

    Raises:
        DataError: there is no such name, or it is of another folder.
    """
    name = fields["ElementDataFile"]
    if not name or Path(name).name != name:
        # Not what is stated: a path of another machine can have somebody's name in it.
        stated = "an 'ElementDataFile' in another folder" if name else "no 'ElementDataFile'"
        raise DataError(place, f"has {stated}, where a file beside it must be named that holds the voxels", COPY_AGAIN)
    return None if name == _LOCAL else name


def _check_raw_size(place: Place, information: Any, fields: Mapping[str, str]) -> None:
    """ITK reads voxels that are too many, such as another scanner's, without a word; and makes up what is missing of
    compressed ones."""
    name = _raw_name(place, fields)
    raw, begin = (sibling(place, name), 0) if name else (place, _header_bytes(place.read_bytes()))
    check_file(raw)
    held = file_size(raw) - begin
    voxel_bytes = sitk.Image([1, 1, 1], information.GetPixelID()).GetSizeOfPixelComponent()
    stated = math.prod(information.GetSize()) * voxel_bytes
    says = f"{place.name} states" if name else "its header states"
    if fields.get("CompressedData", "").startswith(_TRUE):
        # Behind a header, ITK does not find out by itself where they begin, and makes up voxels.
        packed = fields.get("CompressedDataSize", str(held) if name else "none")
        if packed != str(held):
            raise DataError(raw, f"holds {held} compressed bytes, and {says} {packed}", COPY_AGAIN)
        if (unpacked := _uncompressed(raw, begin, says, stated)) != stated:
            more = "more than " if unpacked > stated else ""
            fault = f"holds {more}{min(unpacked, stated)} bytes when uncompressed, and {says} {stated}"
            raise DataError(raw, fault, COPY_AGAIN)
    elif held != stated:
        raise DataError(raw, f"holds {held} bytes{'' if name else ' of voxels'}, and {says} {stated}", COPY_AGAIN)


def _uncompressed(raw: Place, begin: int, says: str, enough: int) -> int:
    """Bytes of compressed voxels, uncompressed; counted to the end, or until they are more than enough.

    Args:
        begin: the byte at which they begin.
        says: words for what states that they are compressed.

    Raises:
        DataError: they are not compressed, or damaged or truncated.
    """
    stream, held = zlib.decompressobj(_ZLIB_OR_GZIP), 0
    try:
        with raw.open("rb") as file:
            file.read(begin)
            while held <= enough and not stream.eof and (chunk := stream.unconsumed_tail or file.read(_CHUNK)):
                held += len(stream.decompress(chunk, _CHUNK))
    except zlib.error as error:
        fault = f"is damaged, or not compressed as {says} ({error})"
        raise DataError(raw, fault, f"{COPY_AGAIN}, or correct 'CompressedData'") from None
    if held <= enough and not stream.eof:
        raise DataError(raw, "is truncated", COPY_AGAIN)
    return held

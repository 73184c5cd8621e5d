"""MetaImage volumes (``.mhd`` with a ``.raw`` beside it): headers at once, voxels when asked for."""

import math
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

from benchmark.data.places import COPY_AGAIN, Place, file_size, permitted, sibling
from benchmark.data.subject import Volume
from benchmark.data.volumes import Header
from benchmark.errors import DataError

_REQUIRED = ("NDims", "DimSize", "ElementType", "ElementDataFile")
_SHOWN = 20  # characters of what a damaged header has in a number's place
_TRUE = ("T", "t", "1")  # how ITK reads it
_ZLIB_OR_GZIP = 47  # window bits: either header
_CHUNK = 1 << 20  # bytes


def read_header(place: Place) -> Header:
    """Header of an ``.mhd`` file, and whether its voxels can be there.

    Raises:
        DataError: missing, not permitted, damaged, not three-dimensional, or the raw file is not as long as the header
            states.
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
        DataError: it is missing, or damaged in its archive.
    """
    if isinstance(place, Path):
        if not place.is_file():
            raise DataError(place, "is missing", "Get the whole archive")
        yield place
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = _copied(place, Path(folder))
        if voxels and (raw := _raw_name(place, _fields(copy, place))):
            _copied(sibling(place, raw), Path(folder))
        yield copy


def _copied(place: Place, folder: Path) -> Path:
    if not place.is_file():
        raise DataError(place, "is missing", "Get the whole archive")
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
            it says on standard error, or crashes.
    """
    lines = (line.partition("=") for line in path.read_text(encoding="latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    if missing := next((key for key in _REQUIRED if key not in fields), None):
        raise DataError(place, f"is no readable MetaImage header (it has no '{missing}')", COPY_AGAIN)
    sizes = fields["DimSize"].split()
    if not all(n.isdecimal() for n in sizes) or str(len(sizes)) != fields["NDims"]:
        fault = f"'DimSize' is not as many whole numbers as 'NDims' says, {fields['NDims'][:_SHOWN]}"
        raise DataError(place, f"is no readable MetaImage header ({fault})", COPY_AGAIN)
    if len(sizes) != 3:
        Header.checked(place, [int(n) for n in sizes], np.eye(4))  # refuses it
    return fields


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
    return None if name == "LOCAL" else name


def _check_raw_size(place: Place, information: Any, fields: Mapping[str, str]) -> None:
    """ITK reads a raw file that is too long, such as another scanner's, without a word; and makes up what is missing of
    a compressed one."""
    name = _raw_name(place, fields)
    if name is None:
        return
    raw = sibling(place, name)
    if not raw.is_file():
        raise DataError(raw, "is missing", "Get the whole archive")
    voxel_bytes = sitk.Image([1, 1, 1], information.GetPixelID()).GetSizeOfPixelComponent()
    stated = math.prod(information.GetSize()) * voxel_bytes
    if fields.get("CompressedData", "").startswith(_TRUE):
        packed = fields.get("CompressedDataSize", str(file_size(raw)))
        if packed != str(file_size(raw)):
            fault = f"holds {file_size(raw)} compressed bytes, and {place.name} states {packed}"
            raise DataError(raw, fault, COPY_AGAIN)
        if (held := _uncompressed(raw, place, stated)) != stated:
            more = "more than " if held > stated else ""
            fault = f"holds {more}{min(held, stated)} bytes when uncompressed, and {place.name} states {stated}"
            raise DataError(raw, fault, COPY_AGAIN)
    elif file_size(raw) != stated:
        raise DataError(raw, f"holds {file_size(raw)} bytes, and {place.name} states {stated}", COPY_AGAIN)


def _uncompressed(raw: Place, place: Place, enough: int) -> int:
    """Bytes of a compressed raw file, uncompressed; counted to the end, or until they are more than enough.

    Raises:
        DataError: it is not compressed, or damaged or truncated.
    """
    stream, held = zlib.decompressobj(_ZLIB_OR_GZIP), 0
    try:
        with raw.open("rb") as file:
            while held <= enough and not stream.eof and (chunk := stream.unconsumed_tail or file.read(_CHUNK)):
                held += len(stream.decompress(chunk, _CHUNK))
    except zlib.error as error:
        fault = f"is damaged, or not compressed as {place.name} states ({error})"
        raise DataError(raw, fault, f"{COPY_AGAIN}, or correct 'CompressedData'") from None
    if held <= enough and not stream.eof:
        raise DataError(raw, "is truncated", COPY_AGAIN)
    return held

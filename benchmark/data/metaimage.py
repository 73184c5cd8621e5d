"""MetaImage volumes (``.mhd`` with a ``.raw`` beside it): headers at once, voxels when asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from benchmark.data.subject import Volume
from benchmark.data.volumes import COPY_AGAIN, Header
from benchmark.errors import DataError


def read_header(path: Path) -> Header:
    """Header of an ``.mhd`` file, and whether its voxels can be there.

    Raises:
        DataError: missing, damaged, not three-dimensional, or the raw file is not as long as the header states.
    """
    information = _information(path)
    _check_raw_size(path, information)
    lps = np.eye(4)
    lps[:3, :3] = np.array(information.GetDirection()).reshape(3, 3) * information.GetSpacing()
    lps[:3, 3] = information.GetOrigin()
    return Header.checked(path, information.GetSize(), np.diag([-1.0, -1.0, 1.0, 1.0]) @ lps)


def read_volume(path: Path) -> Volume:
    """Voxels, indexed as (x, y, z), and position.

    Raises:
        DataError: as :func:`read_header`.
    """
    header = read_header(path)
    try:
        image = sitk.ReadImage(str(path), imageIO="MetaImageIO")
    except RuntimeError:
        raise DataError(path, "is damaged or truncated", COPY_AGAIN) from None
    return Volume(sitk.GetArrayFromImage(image).transpose(2, 1, 0), header.affine, path)


def _information(path: Path) -> Any:
    """A SimpleITK reader that has read the header."""
    if not path.is_file():
        raise DataError(path, "is missing", "Get the whole archive")
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        raise DataError(path, "is no readable MetaImage header", COPY_AGAIN) from None
    if reader.GetNumberOfComponents() != 1:
        raise DataError(path, "has several values in each voxel", "Put the image of intensities or labels in its place")
    return reader


def _check_raw_size(path: Path, information: Any) -> None:
    """ITK reads a raw file that is too long, such as another scanner's, without a word."""
    lines = (line.partition("=") for line in path.read_text(encoding="latin-1").splitlines())
    fields = {key.strip(): value.strip() for key, _, value in lines}
    if fields["ElementDataFile"] == "LOCAL" or fields.get("CompressedData") == "True":
        return
    raw = path.parent / fields["ElementDataFile"]
    voxel_bytes = sitk.Image([1, 1, 1], information.GetPixelID()).GetSizeOfPixelComponent()
    stated = int(np.prod(information.GetSize())) * voxel_bytes
    if not raw.is_file():
        raise DataError(raw, "is missing", "Get the whole archive")
    if raw.stat().st_size != stated:
        raise DataError(raw, f"holds {raw.stat().st_size} bytes, and {path.name} states {stated}", COPY_AGAIN)

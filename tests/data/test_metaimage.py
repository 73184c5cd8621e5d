"""MetaImage files are read as ITK reads them, and messages on damaged headers name the header."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from archives import retouch_volume

from benchmark.archives.formats.metaimage import read_header, read_volume
from benchmark.runtime.errors import DataError


@pytest.fixture
def header(tmp_path) -> Path:
    return retouch_volume(tmp_path, "Cirrus", 1) / "oct.mhd"


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_voxels_and_position_are_those_of_itk(tmp_path, kind):
    random = np.random.default_rng(0)
    image = sitk.GetImageFromArray(random.integers(0, 200, (4, 5, 6)).astype(kind))
    image.SetSpacing(random.uniform(0.001, 2, 3))
    image.SetOrigin(random.normal(size=3) * 100)
    image.SetDirection(np.linalg.qr(random.normal(size=(3, 3)))[0].ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "x.mhd"))
    found = read_volume(tmp_path / "x.mhd")
    assert found.data.dtype == kind
    np.testing.assert_array_equal(found.data, sitk.GetArrayFromImage(image).transpose(2, 1, 0))
    for voxel in ((0, 0, 0), (5, 4, 3)):
        lps = image.TransformIndexToPhysicalPoint(voxel)
        np.testing.assert_allclose((found.affine @ [*voxel, 1])[:3], np.multiply(lps, (-1, -1, 1)), atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("ElementSpacing = 0.01 0.002 0.1", "ElementSpacing = 0.01 thin 0.1", "is no readable MetaImage header"),
        ("ElementSpacing = 0.01 0.002 0.1", "ElementSpacing = 0.01 0.002", "is no readable MetaImage header"),
        ("ElementSpacing = 0.01 0.002 0.1", "ElementSpacing = 0.01 0 0.1", "has a singular or non-finite orientation"),
        ("MET_UCHAR", "MET_UCHAR_ARRAY", "does not have one number a voxel"),
        ("CompressedData = False", "CompressedData = True", "has compressed voxels. Put the original file"),
    ],
)
def test_damaged_headers(header, old, new, said):
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new))
    for read in (read_header, read_volume):
        with pytest.raises(DataError, match=f"oct.mhd: {said}"):
            read(header)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("ElementDataFile", r"C:\Users\Jane Doe\oct.raw"),
        ("ElementDataFile", r"..\Jane Doe\oct.raw"),
        ("ElementDataFile", r"\\server\Jane Doe\oct.raw"),
        ("ElementDataFile", "C:Jane Doe.raw"),
        ("ElementDataFile", "/home/Jane Doe/oct.raw"),
        ("ElementDataFile", "Jane Doe.raw"),
        ("ElementSpacing", "0.01 Jane Doe"),
        ("DimSize", "Jane Doe 1"),
        ("TransformMatrix", "Jane Doe"),
        ("ElementType", "Jane Doe"),
        ("CompressedData", "Jane Doe"),
    ],
)
def test_no_message_repeats_what_a_header_says(header, field, text):
    lines = header.read_text().splitlines()
    header.write_text("\n".join([*(line for line in lines if not line.startswith(field)), f"{field} = {text}"]))
    with pytest.raises(DataError, match=r"oct\.mhd: ") as caught:
        read_header(header)
    assert "Doe" not in str(caught.value)
    assert "server" not in str(caught.value)


@pytest.mark.parametrize("field", ["DimSize", "ElementType", "ElementSpacing", "ElementDataFile"])
def test_headers_without_a_field(header, field):
    header.write_text("".join(line for line in header.read_text().splitlines(True) if not line.startswith(field)))
    with pytest.raises(DataError, match=f"is no readable MetaImage header .it has no '{field}'"):
        read_header(header)

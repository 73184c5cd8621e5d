"""Headers of MetaImage files that ITK reads as something else, or finds out about too late: told at the header."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
from archives import NO_FILE, retouch_volume, said_of_no_file

from benchmark.archives.formats.metaimage import read_header, read_volume
from benchmark.archives.formats.packed import open_packed
from benchmark.runtime.errors import DataError

BYTES = 16 * 32 * 6


@pytest.fixture
def header(tmp_path) -> Path:
    return retouch_volume(tmp_path, "Cirrus", 1) / "oct.mhd"


def line(header: Path, key: str, value: str) -> None:
    """Another value in the header, before the last line, which ends it."""
    lines = [text for text in header.read_bytes().decode().splitlines() if not text.startswith(f"{key} ")]
    header.write_text("\n".join([*lines[:-1], f"{key} = {value}", lines[-1], ""]))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("HeaderSize", "100", r"states that a header precedes the voxels \('HeaderSize' is 100\)"),
        ("HeaderSize", "-1", r"states that a header precedes the voxels \('HeaderSize' is -1\)"),
        ("ElementSpacing", "-0.01 0.002 0.1", "'ElementSpacing' is '-0.01 0.002 0.1', and sizes of voxels are three"),
        (
            "ElementSpacing",
            "0.01 0 0.1",
            "'ElementSpacing' is .*, and sizes of voxels are three numbers",
        ),
        (
            "ElementSpacing",
            "0.01 0.002",
            "'ElementSpacing' is .*, and sizes of voxels are three numbers",
        ),
        (
            "ElementSpacing",
            "0.01 thin 0.1",
            "'ElementSpacing' is .*, and sizes of voxels are three numbers",
        ),
        ("ElementSize", "0.01 0.002 nan", "'ElementSize' is '0.01 0.002 nan'"),
        ("ElementType", "MET_UCHAR_ARRAY", "has voxels of the type MET_UCHAR_ARRAY, which is not one number a voxel"),
    ],
)
def test_what_itk_would_read_as_something_else(header, key, value, said):
    line(header, key, value)
    for read in (read_header, read_volume):
        with pytest.raises(DataError, match=f"oct.mhd: {said}"):
            read(header)


def local(header: Path, change: slice = slice(None), pack: str = "") -> np.ndarray:
    """The voxels behind the header, in one file; returns what they are."""
    voxels = read_volume(header).data
    content = header.with_name("oct.raw").read_bytes()[change]
    content = gzip.compress(content) if pack else content
    if pack:
        line(header, "CompressedData", pack)
        line(header, "CompressedDataSize", str(len(content)))
    line(header, "ElementDataFile", "LOCAL")
    lines = header.read_bytes().decode().splitlines()
    lines = [text for text in lines if "ElementDataFile" not in text] + ["ElementDataFile = LOCAL", ""]
    header.write_bytes("\n".join(lines).encode() + content)
    header.with_name("oct.raw").unlink()
    return voxels


@pytest.mark.parametrize("pack", ["", "True"])
def test_voxels_behind_the_header_are_read(header, tmp_path, pack):
    expected = local(header, pack=pack)
    assert read_header(header).shape == (16, 32, 6)
    np.testing.assert_array_equal(read_volume(header).data, expected)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(header, "oct.mhd")
    np.testing.assert_array_equal(read_volume(open_packed(tmp_path / "x.zip") / "oct.mhd").data, expected)


@pytest.mark.parametrize(
    ("change", "pack", "said"),
    [
        (slice(0), "", f"holds 0 bytes of voxels, and its header states {BYTES}"),
        (slice(-1), "", f"holds {BYTES - 1} bytes of voxels, and its header states {BYTES}"),
        (slice(-1), "True", f"holds {BYTES - 1} bytes when uncompressed, and its header states {BYTES}"),
    ],
)
def test_too_few_voxels_behind_the_header(header, change, pack, said):
    local(header, change, pack)
    with pytest.raises(DataError, match=f"oct.mhd: {said}"):
        read_header(header)


def test_compressed_voxels_behind_the_header_whose_size_is_not_stated(header):
    """ITK makes up voxels."""
    local(header, pack="True")
    kept = [line for line in header.read_bytes().split(b"\n") if not line.startswith(b"CompressedDataSize")]
    header.write_bytes(b"\n".join(kept))
    with pytest.raises(DataError, match=r"oct.mhd: holds \d+ compressed bytes, and its header states none"):
        read_header(header)


@pytest.mark.parametrize("name", ["oct.mhd", "oct.raw"])
def test_what_is_no_file_is_not_called_missing(header, name):
    place = header.with_name(name)
    place.unlink()
    assert said_of_no_file(place, lambda: read_header(header)) == NO_FILE

"""Damaged and truncated NIfTI files are refused, and no good file is."""

import gzip
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import noise, save

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import open_packed
from benchmark.runtime.errors import DataError


def content(path: Path) -> bytes:
    """An uncompressed NIfTI file's."""
    return save(path.with_name("plain.nii"), noise()).read_bytes()


def several_members(whole: bytes) -> bytes:
    """As parallel compressors write it, with an empty member at the end."""
    return b"".join(gzip.compress(part) for part in (whole[:200], whole[200:], b""))


GOOD = {
    "one member": gzip.compress,
    "several members": several_members,
    "zeros at the end": lambda whole: gzip.compress(whole) + bytes(100),
    "padded voxels": lambda whole: gzip.compress(whole + bytes(10)),
}


@pytest.mark.parametrize("packing", GOOD)
def test_a_good_gzip_file_is_read(tmp_path, packing):
    path = tmp_path / "x.nii.gz"
    path.write_bytes(GOOD[packing](content(path)))
    assert read_header(path).shape == (6, 7, 8)
    np.testing.assert_array_equal(read_volume(path).data, noise())


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_too_few_voxels(tmp_path, name):
    whole = content(tmp_path / name)[:-1]
    (tmp_path / name).write_bytes(gzip.compress(whole) if name.endswith("gz") else whole)
    assert read_header(tmp_path / name).shape == (6, 7, 8)
    with pytest.raises(DataError, match="is damaged or truncated"):
        read_volume(tmp_path / name)


def test_truncated_before_it_was_packed(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.nii.gz", gzip.compress(content(tmp_path / "x"))[:-30])
    with pytest.raises(DataError, match=r"x\.zip/x\.nii\.gz: is damaged or truncated"):
        read_volume(open_packed(tmp_path / "x.zip") / "x.nii.gz")


def header_of(path: Path, **fields: object) -> Path:
    """An uncompressed file whose header was changed."""
    whole = content(path)
    changed = nib.Nifti1Header(whole[:348])
    for key, value in fields.items():
        changed[key] = value
    path.write_bytes(changed.binaryblock + whole[348:])
    return path


CUSTOMARY = [{"scl_slope": np.nan}, {"scl_slope": 0, "scl_inter": 3}, {"qform_code": 7}]
DAMAGED = [{"datatype": 777}, {"magic": b"xx"}, {"vox_offset": 5}]


@pytest.mark.parametrize("fields", CUSTOMARY)
def test_what_is_customary_in_headers_is_no_fault(tmp_path, fields):
    path = header_of(tmp_path / "x.nii", **fields)
    assert read_header(path).shape == (6, 7, 8)
    np.testing.assert_array_equal(read_volume(path).data, noise())


@pytest.mark.parametrize("fields", DAMAGED)
def test_damaged_nifti_headers(tmp_path, fields):
    with pytest.raises(DataError, match="is no readable NIfTI file"):
        read_header(header_of(tmp_path / "x.nii", **fields))

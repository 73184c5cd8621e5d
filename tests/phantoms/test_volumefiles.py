"""Other libraries read the files, whose bytes depend on the content only."""

import gzip
import zlib

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.phantoms.anatomy import rotation
from benchmark.phantoms.volumefiles import gzip_bytes, write_metaimage, write_nifti

NOISE = np.random.default_rng(0).integers(0, 256, 200_000, dtype=np.uint8).tobytes()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        bytes(1023),
        bytes(1024),
        bytes(1025),
        bytes(1024 + 258),
        NOISE,
        bytes(5000) + NOISE + bytes(70_000) + b"end",
        NOISE[:65_535] + bytes(2000) + NOISE[:65_536],
    ],
    ids=len,
)
def test_gzip_is_lossless(data):
    packed = gzip_bytes(data)
    assert gzip.decompress(packed) == data
    assert packed[3] == 0, "no name"
    assert packed[4:8] == bytes(4), "no time"


def test_gzip_does_not_depend_on_zlib():
    """Only runs of zeros are compressed; the rest is stored in blocks of fixed size."""
    data = NOISE + bytes(1_000_000) + NOISE
    packed = gzip_bytes(data)
    assert len(packed) < 2 * len(NOISE) + 7000
    assert NOISE[:65_535] in packed
    unpacked = zlib.decompressobj(31)
    assert unpacked.decompress(packed) == data
    assert unpacked.eof
    assert unpacked.unused_data == b""


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
def test_nifti_is_read_by_both_libraries(tmp_path, dtype):
    data = np.arange(2 * 3 * 4).reshape(2, 3, 4).astype(dtype)
    turn = rotation((0.05, -0.03, 0.04))  # slices along R, rows towards P, columns towards S
    affine = [[-1.5 * row[1], 2.5 * row[2], 2.0 * row[0], offset] for row, offset in zip(turn, (5, -3, 7), strict=True)]
    write_nifti(tmp_path / "a" / "volume.nii.gz", data, affine, (1.5, 2.5, 2.0))
    image = nib.load(tmp_path / "a" / "volume.nii.gz")
    np.testing.assert_array_equal(np.asanyarray(image.dataobj), data)
    assert image.get_data_dtype() == dtype
    np.testing.assert_allclose(image.affine[:3], affine, rtol=1e-6)
    assert image.header.get_zooms() == pytest.approx((1.5, 2.5, 2.0))
    assert nib.aff2axcodes(image.affine) == ("P", "S", "R")
    assert image.header.get_xyzt_units()[0] == "mm"
    read = sitk.ReadImage(str(tmp_path / "a" / "volume.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(read), data.transpose(2, 1, 0))
    corner = image.affine @ [1, 2, 3, 1]
    np.testing.assert_allclose(read.TransformIndexToPhysicalPoint((1, 2, 3)), corner[:3] * [-1, -1, 1], rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_metaimage_is_read_by_itk(tmp_path, dtype):
    data = (1000 * np.arange(2 * 3 * 4).reshape(2, 3, 4)).astype(dtype)
    write_metaimage(tmp_path / "eye" / "oct.mhd", data, (0.05, 0.0075, 4.0 / 27.0), (0.025, 0.00375, 0.07))
    image = sitk.ReadImage(str(tmp_path / "eye" / "oct.mhd"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), data)
    assert image.GetSize() == (4, 3, 2)
    assert image.GetSpacing() == (0.05, 0.0075, 4.0 / 27.0)
    assert image.GetOrigin() == (0.025, 0.00375, 0.07)
    assert (tmp_path / "eye" / "oct.raw").stat().st_size == data.nbytes

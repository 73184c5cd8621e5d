"""A NIfTI file can say twice how it is oriented, by a qform and a sform, which must not contradict each other."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import noise, pose

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.runtime.errors import DataError

FORM = np.diag([2.0, 2.0, 2.0, 1.0])
MIRRORED = np.diag([-2.0, 2.0, 2.0, 1.0])


def file(path: Path, sform: np.ndarray, qform: np.ndarray, codes: tuple[int, int]) -> Path:
    image = nib.Nifti1Image(noise(), FORM)
    image.set_sform(sform, codes[0])
    image.set_qform(qform, codes[1])
    nib.save(image, path)
    return path


@pytest.mark.parametrize(
    ("sform", "qform", "codes", "said"),
    [
        (FORM, MIRRORED, (1, 1), "by its qform (axes LAS), it is mirrored against its sform (axes RAS)"),
        (MIRRORED, FORM, (4, 1), "by its qform (axes RAS), it is mirrored against its sform (axes LAS)"),
        (FORM, pose(90) @ FORM, (2, 2), "by its qform (axes ALS), it is turned against its sform (axes RAS)"),
        (FORM, np.diag([-2.0, -2.0, 2.0, 1.0]), (1, 1), "(axes LPS), it is turned against its sform (axes RAS)"),
    ],
)
def test_contradicting_orientations_are_refused(tmp_path, sform, qform, codes, said):
    path = file(tmp_path / "x.nii.gz", sform, qform, codes)
    for read in (read_header, read_volume):
        with pytest.raises(DataError) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: contradicts itself: ")
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("qform", "codes"),
    [
        (FORM, (1, 1)),
        (pose(20, (1e-3, 0, 0)) @ FORM, (1, 1)),
        (pose(90) @ FORM, (4, 1)),  # a template's space, and the scanner's
        (MIRRORED, (1, 0)),  # nothing is said by a code of 0
    ],
)
def test_orientations_that_differ_for_a_reason_are_read(tmp_path, qform, codes):
    path = file(tmp_path / "x.nii.gz", FORM, qform, codes)
    np.testing.assert_array_equal(read_header(path).affine, FORM)
    np.testing.assert_array_equal(read_volume(path).data, noise())


def test_a_qform_without_a_rotation_says_nothing(tmp_path):
    image = nib.Nifti1Image(noise(), FORM)
    image.set_sform(FORM, 1)
    image.header["qform_code"] = 1
    image.header["quatern_b"] = image.header["quatern_c"] = 0.9
    nib.save(image, path := tmp_path / "x.nii.gz")
    with pytest.raises(ValueError, match="w2"):
        nib.load(path).header.get_qform()
    np.testing.assert_array_equal(read_header(path).affine, FORM)

"""Voxels that nothing should be computed from."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.archives.formats.volumes import Volume
from benchmark.archives.voxel_checks import checked_image, checked_labels, checked_mask
from benchmark.runtime.errors import DataError

SHAPE = (3, 4, 5)


def volume(data) -> Volume:
    return Volume(np.asarray(data), np.eye(4), Path("x.nii.gz"))


def with_one(value, dtype=np.float64):
    data = np.arange(60, dtype=dtype).reshape(SHAPE)
    data[1, 1, 1] = value
    return data


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (with_one(np.nan), "is NaN or infinite in 1 voxel"),
        (with_one(np.inf), "is NaN or infinite in 1 voxel"),
        (np.zeros(SHAPE), "is empty"),
        (np.full(SHAPE, 7), "is constant: every voxel is 7"),
        (-with_one(5), "is background throughout"),
    ],
)
def test_images(data, said):
    with pytest.raises(DataError, match=f"x.nii.gz: {said}.*exclude the subject"):
        checked_image(volume(data))


def test_a_good_image_is_kept_as_float32():
    data = with_one(900, np.int16)
    checked = checked_image(volume(data))
    assert checked.data.dtype == np.float32
    np.testing.assert_array_equal(checked.data, data)


@pytest.mark.parametrize(
    ("value", "said"),
    [(4, "holds the labels 4, and the dataset's are 1, 2, 3"), (1.5, "holds 1.5"), (np.nan, "NaN"), (-1, "labels -1")],
)
def test_labels(value, said):
    data = np.zeros(SHAPE)
    data[0, 0, 0], data[0, 0, 1] = 3, value
    with pytest.raises(DataError, match=said):
        checked_labels(volume(data), (1, 2, 3))


@pytest.mark.parametrize("stored", [0.99999994, 255 * np.float32(1 / 255), 1.0009, 0.9991])
def test_labels_stored_as_fractions(stored):
    data = np.zeros(SHAPE, np.float32)
    data[0, 0] = stored
    checked = checked_labels(volume(data), (1,))
    assert checked.data.dtype == np.uint8
    np.testing.assert_array_equal(checked.data, np.where(data > 0, 1, 0))
    with pytest.raises(DataError, match=r"holds 0\.998, and labels are whole numbers"):
        checked_labels(volume(np.where(data > 0, 0.998, 0)), (1,))


def test_an_image_in_the_place_of_a_label_map_is_told_shortly():
    with pytest.raises(DataError, match=r"holds the labels 4, 5, 6, 7, 8 and 51 more, and the dataset's are 1, 2, 3\."):
        checked_labels(volume(np.arange(60).reshape(SHAPE)), (1, 2, 3))


def test_whole_numbers_in_a_float_file_are_labels():
    data = np.zeros(SHAPE)
    data[2, 3, 4] = 3.0
    checked = checked_labels(volume(data), (1, 2, 3))
    assert checked.data.dtype == np.uint8
    assert checked.data.sum() == 3


def test_masks():
    with pytest.raises(DataError, match="covers nothing"):
        checked_mask(volume(np.zeros(SHAPE)))
    data = np.zeros(SHAPE)
    data[0, 0] = 0.3
    assert checked_mask(volume(data)).data.tolist() == (data > 0).tolist()

"""Sizes of lesions in masks with known values."""

import numpy as np
import pytest

from studies.realism import lesions

SPACING = (0.5, 1.0, 2.0)


@pytest.fixture
def mask():
    """A box of 6 x 4 x 10 mm, and two voxels that touch by a corner."""
    made = np.zeros((40, 30, 20), bool)
    made[5:17, 10:14, 3:8] = True
    made[30, 20, 15] = made[31, 21, 16] = True
    return made


def test_volumes_of_connected_sets(mask):
    assert sorted(lesions.volumes(mask, SPACING)) == [2.0, 240.0]


def test_areas_in_thick_slices():
    mask = np.zeros((20, 20, 20), bool)
    mask[2:12, 3:9, 0:10] = True  # fills the first two slices of 5 mm
    mask[15:17, 15:17, 10:12] = True  # less than half of the third
    mask[15, 15, 15:18] = True  # more than half of the fourth
    assert sorted(lesions.areas(mask, (1.0, 1.0, 1.0), 5.0)) == [1.0, 60.0, 60.0]


def test_areas_touch_within_a_slice_only():
    mask = np.zeros((10, 10, 10), bool)
    mask[2, 2, :5] = mask[3, 3, :5] = mask[5, 5, 5:] = mask[4, 4, 5:] = True
    assert lesions.areas(mask, (2.0, 1.0, 1.0), 5.0).tolist() == [4.0, 4.0]


def test_diameter_of_a_ball():
    assert lesions.diameters(np.array([np.pi / 6 * 27])) == pytest.approx([3.0])

"""Grids, axes and resampling."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from archives import pose
from scipy import ndimage

from benchmark.archives.formats.volumes import Volume
from benchmark.preparation.geometry import (
    Grid,
    crop,
    resample_image,
    resample_labels,
    resample_mask,
    to_canonical,
    to_itk,
    to_matrix,
    to_transform,
)
from studies.label_resampling import exact_shares

IDENTITY = np.eye(4)
RANDOM = np.random.default_rng(5)
OBLIQUE = pose(20, (3.0, -7.0, 11.0)) @ np.diag([1.5, 2.0, 2.5, 1.0])


def volume(data, affine=OBLIQUE) -> Volume:
    return Volume(np.asarray(data), np.asarray(affine, float), Path("x.nii.gz"))


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PSR", "LAS", "AIL", "SPL"])
def test_any_axes_become_right_front_top(axes):
    """A marker keeps its place in the room; left never becomes right."""
    ras = volume(RANDOM.random((4, 5, 6)), np.diag([2.0, 2.0, 2.0, 1.0]))
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt(tuple("RAS")), nib.orientations.axcodes2ornt(tuple(axes))
    )
    file = Volume(
        nib.orientations.apply_orientation(ras.data, turn),
        ras.affine @ nib.orientations.inv_ornt_aff(turn, ras.data.shape),
        ras.path,
    )
    assert "".join(nib.aff2axcodes(file.affine)) == axes
    found = to_canonical(file)
    np.testing.assert_array_equal(found.data, ras.data)
    np.testing.assert_allclose(found.affine, ras.affine)


def test_itk_image_lies_where_the_volume_lies():
    data = RANDOM.random((4, 5, 6))
    image = to_itk(volume(data))
    index = (3, 1, 2)
    ras = (OBLIQUE @ [*index, 1.0])[:3]
    assert image.TransformIndexToPhysicalPoint(index) == pytest.approx((-ras[0], -ras[1], ras[2]))
    assert image[index] == data[index]


def test_transform_and_matrix_are_inverse_also_about_a_centre():
    matrix = pose(30, (4.0, 5.0, -6.0), 1.2)
    np.testing.assert_allclose(to_matrix(to_transform(matrix)), matrix, atol=1e-12)
    about = sitk.AffineTransform(3)
    about.SetCenter((10.0, 20.0, 30.0))
    about.Scale(2.0)
    found = to_matrix(about)
    lps = np.diag([-1, -1, 1, 1])
    point = np.array([1.0, 2.0, 3.0, 1.0])
    assert (lps @ found @ point)[:3] == pytest.approx(about.TransformPoint((lps @ point)[:3].tolist()))


def test_resampling_to_the_own_grid_changes_nothing():
    image = volume(RANDOM.random((6, 7, 8)).astype(np.float32))
    np.testing.assert_allclose(resample_image(image, Grid.of(image), IDENTITY).data, image.data, atol=1e-5)


def test_matrix_leads_from_the_grid_to_the_image():
    image = volume(RANDOM.random((9, 9, 9)).astype(np.float32), np.diag([2.0, 2.0, 2.0, 1.0]))
    shift = pose(shift=(4.0, 0.0, -2.0))
    found = resample_image(image, Grid.of(image), shift, spline=False)
    np.testing.assert_allclose(found.data[:7, :, 1:], image.data[2:, :, :8], atol=1e-5)
    assert not found.data[7:].any()


def test_isotropic_grid_covers_the_same_room():
    grid = Grid((10, 20, 30), OBLIQUE)
    found = grid.with_spacing(2.0)
    assert found.spacing == pytest.approx([2.0, 2.0, 2.0])
    assert (np.array(found.shape) * 2.0 >= np.array(grid.shape) * grid.spacing).all()
    middle = [g.affine @ [*((np.array(g.shape) - 1) / 2), 1.0] for g in (grid, found)]
    np.testing.assert_allclose(*middle)


def test_padded_grid_keeps_its_voxels_in_place():
    grid = Grid((10, 20, 30), OBLIQUE)
    found = grid.padded(4.0)
    assert found.shape == (10 + 2 * 3, 20 + 2 * 2, 30 + 2 * 2)
    np.testing.assert_allclose(found.affine @ [3, 2, 2, 1], grid.affine @ [0, 0, 0, 1])


def test_cropping_keeps_voxels_in_place():
    image = volume(RANDOM.random((9, 9, 9)))
    part = crop(image, (slice(2, 5), slice(3, 9), slice(1, 4)))
    assert part.data[0, 0, 0] == image.data[2, 3, 1]
    np.testing.assert_allclose(part.affine @ [0, 0, 0, 1], image.affine @ [2, 3, 1, 1])


def test_finer_scans_are_blurred_to_the_coarser_voxel():
    """Variances add: that of a Gaussian blob grows by (2² - 1²) / (8 ln 2) from voxels of 1 mm to voxels of 2 mm."""
    axis = np.arange(41) - 20.0
    blob = np.exp(-(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2) / (2 * 3.0**2)).astype(np.float32)
    image = volume(blob, np.eye(4))
    found = resample_image(image, Grid.of(image).with_spacing(2.0), IDENTITY, spline=False)
    assert found.data.shape == (21, 21, 21)
    weights = found.data.sum(axis=(1, 2)) / found.data.sum()
    variance = (weights * (2.0 * (np.arange(21) - 10)) ** 2).sum()
    assert variance == pytest.approx(9 + 3 / (8 * np.log(2)), abs=0.02)


def test_a_change_of_size_in_registration_is_no_change_of_resolution():
    image = volume(RANDOM.random((12, 12, 12)).astype(np.float32), np.eye(4))
    found = resample_image(image, Grid.of(image), pose(scale=1.05), spline=False)
    positions = np.indices((11, 11, 11)) * 1.05
    np.testing.assert_allclose(
        found.data[:11, :11, :11], ndimage.map_coordinates(image.data, positions, order=1), atol=1e-5
    )


def test_labels_go_to_the_largest_share():
    """Of eight fine voxels five are 2 and three are 1: the coarse voxel is 2; labels are never averaged."""
    fine = np.ones((4, 4, 4), np.uint8)
    fine[:, :, 2:] = 3
    fine[:, :, :2] = 1
    found = resample_labels(volume(fine, np.eye(4)), Grid.of(volume(fine, np.eye(4))), pose(shift=(0, 0, 0.4)), (1, 3))
    assert set(np.unique(found.data)) <= {0, 1, 3}
    assert (found.data[:, :, 1] == 1).all()
    assert (found.data[:, :, 2] == 3).all()
    found = resample_labels(volume(fine, np.eye(4)), Grid.of(volume(fine, np.eye(4))), pose(shift=(0, 0, 0.6)), (1, 3))
    assert (found.data[:, :, 1] == 3).all()


def patches(shape: tuple[int, int, int]) -> np.ndarray:
    """Three labels and background in patches of a few voxels, up to the border."""
    return np.digitize(ndimage.gaussian_filter(np.random.default_rng(3).normal(size=shape), 1.2), (-0.1, 0, 0.1))


def winners(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The label with the largest share, and the distance to the second."""
    ordered = np.sort(shares, axis=0)
    return np.argmax(shares, axis=0), ordered[-1] - ordered[-2]


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 1.1), (1.2, 0.9375, 0.9375), (2.0, 1.5, 3.0)])
def test_shares_are_those_of_the_closed_form(spacing):
    """To coarser and to finer voxels, on parallel axes: any voxel but near ties, and the volume of each label."""
    labels = volume(patches((24, 26, 20)).astype(np.uint8), np.diag([*spacing, 1.0]))
    grid = Grid(tuple(int(n * s) + 3 for n, s in zip(labels.data.shape, spacing, strict=True)), np.eye(4))
    shift = pose(shift=(-1.3, -0.6, -0.85))
    shares = np.stack([exact_shares(labels, grid, shift, value) for value in (1, 2, 3)])
    expected, lead = winners(np.stack([1 - shares.sum(axis=0), *shares]))
    found = np.asarray(resample_labels(labels, grid, shift, (1, 2, 3)).data)
    np.testing.assert_array_equal(found[lead > 0.1], expected[lead > 0.1])
    assert np.bincount(found.ravel()) == pytest.approx(np.bincount(expected.ravel()), rel=0.03)


def test_shares_on_turned_axes():
    """Compared with two thousand points a voxel."""
    labels = volume(patches((12, 12, 12)).astype(np.uint8), np.diag([1.0, 1.0, 1.5, 1.0]))
    grid, matrix = Grid((10, 10, 10), np.diag([1.7, 1.7, 1.7, 1.0])), pose(25, (-2.0, 1.0, 0.7))
    step = np.linalg.inv(labels.affine) @ matrix @ grid.affine
    centres = np.indices(grid.shape).reshape(3, -1)
    shares = np.zeros((4, 1000))
    for point in np.random.default_rng(1).uniform(-0.5, 0.5, (2000, 3)):
        at = step[:3, :3] @ (centres + point[:, None]) + step[:3, 3, None]
        shares[ndimage.map_coordinates(labels.data, at, order=0, mode="grid-constant"), np.arange(1000)] += 1 / 2000
    expected, lead = winners(shares)
    found = np.asarray(resample_labels(labels, grid, matrix, (1, 2, 3)).data).ravel()
    np.testing.assert_array_equal(found[lead > 0.12], expected[lead > 0.12])
    assert (lead > 0.12).mean() > 0.7


def test_background_wins_half_a_voxel():
    fine = np.zeros((4, 4, 4), np.uint8)
    fine[1:3] = 1
    grid = Grid((2, 2, 2), np.diag([2.0, 2.0, 2.0, 1.0]))
    found = resample_labels(volume(fine, np.eye(4)), grid, pose(shift=(0.5, 0.5, 0.5)), [1])
    assert not found.data.any()


def test_masks_keep_what_is_half_inside():
    mask = np.zeros((8, 8, 8), np.uint8)
    mask[:, :, 4:] = 1
    grid = Grid.of(volume(mask, np.eye(4)))
    for shift, first in ((0.4, 4), (0.6, 3)):
        found = resample_mask(volume(mask, np.eye(4)), grid, pose(shift=(0, 0, shift)))
        assert found.data.dtype == np.uint8
        assert np.argmax(found.data[4, 4]) == first

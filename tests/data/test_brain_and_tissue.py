"""Brain masks, bias field, tissue classes and the way to the template, each against what is known."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from archives import SPACING, brain, pose

from benchmark.archives.formats.volumes import Volume
from benchmark.config.dataset import MRIPreparation
from benchmark.preparation import brain as extraction
from benchmark.preparation.geometry import Grid, resample_image
from benchmark.preparation.template import align_centres, register, slice_grid, template
from benchmark.preparation.tissue import CSF, GM, WM, classify_tissues, correct_bias_field
from benchmark.runtime.errors import DataError


@pytest.fixture(autouse=True)
def one_thread():
    """As in a preparation: sums of floats have one order."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)


RADIUS = np.sqrt(((np.indices((32, 32, 32)) - 15.5) ** 2).sum(axis=0))


def volume(data, spacing=(2.0, 2.0, 2.0)) -> Volume:
    return Volume(np.asarray(data), np.diag([*spacing, 1.0]), Path("x.nii.gz"))


def shells(noise=0.02, seed=3) -> tuple[Volume, Volume, np.ndarray]:
    """White matter within grey matter within fluid, as bright as on T1-weighted images; image, mask and labels."""
    labels = np.select([RADIUS < 8, RADIUS < 12, RADIUS < 14], [WM, GM, CSF], 0)
    image = np.array([0.0, 0.3, 0.7, 1.0])[labels] * 500
    image += np.random.default_rng(seed).normal(0, noise * 500, image.shape)
    return volume(np.maximum(image, 1).astype(np.float32)), volume((labels > 0).astype(np.uint8)), labels


def test_foreground_is_what_is_brighter_than_air():
    image, _, labels = shells()
    found = extraction.foreground(image).data
    assert found[labels >= GM].all()
    assert not found[labels == 0].any()


def test_solid_takes_the_largest_component_closes_gaps_and_fills_holes():
    mask = np.zeros((40, 40, 40), np.uint8)
    mask[5:30, 5:30, 5:30] = 1
    mask[10:13, 10:13, 10:13] = 0  # a hole
    mask[17:19, 17:30, 5:30] = 0  # a cleft of 2 voxels
    mask[35:38, 35:38, 35:38] = 1  # an island
    found = extraction.close_mask(volume(mask), 4.0).data
    assert found[10:13, 10:13, 10:13].all()
    assert found[17:19, 20:25, 10:25].all()
    assert not found[35:, 35:, 35:].any()
    assert not found[:5].any()
    assert not extraction.close_mask(volume(mask), 1.0).data[17:19, 20:25, 10:25].any()


def test_closing_is_in_millimetres():
    mask = np.zeros((20, 40, 20), np.uint8)
    mask[5:15, 5:35, 5:15] = 1
    mask[5:13, 18:21, 5:15] = 0  # a cleft of 3 voxels
    for height, joined in ((1.0, True), (4.0, False)):
        found = extraction.close_mask(volume(mask, (1.0, height, 1.0)), 3.0).data
        assert found[8, 19, 10] == joined


def test_bounding_box():
    _, mask, labels = shells()
    box = extraction.bounding_box(mask, 4.0)
    assert (labels > 0).sum() == (labels[box] > 0).sum()
    assert [s.stop - s.start for s in box] == [28 + 4] * 3


def test_tissue_classes_are_found_in_order_of_their_brightness():
    image, mask, labels = shells(noise=0.05)
    found = classify_tissues(image, mask).data
    for tissue in (CSF, GM, WM):
        overlap = (
            2 * ((found == tissue) & (labels == tissue)).sum() / ((found == tissue).sum() + (labels == tissue).sum())
        )
        assert overlap > 0.95
    assert not found[labels == 0].any()


def test_tissue_classes_are_the_same_every_time():
    image, mask, _ = shells(noise=0.1)
    np.testing.assert_array_equal(classify_tissues(image, mask).data, classify_tissues(image, mask).data)


def test_an_image_without_tissues_is_refused():
    _, mask, labels = shells()
    image = volume(np.where(labels > 0, 100.0, 0.0).astype(np.float32))
    with pytest.raises(DataError, match=r"x.nii.gz: .*tissue classes"):
        classify_tissues(image, mask)


def test_bias_field_is_taken_out():
    image, mask, labels = shells()
    shading = np.exp(0.6 * np.sin(np.indices(labels.shape)[0] / 8))
    shaded = volume((image.data * shading).astype(np.float32))

    def spread(v: Volume) -> float:
        white = v.data[labels == WM]
        return float(white.std() / white.mean())

    assert spread(shaded) > 4 * spread(image)
    assert spread(correct_bias_field(shaded, mask, 4)) < 2 * spread(image)


def posed_brain(matrix: np.ndarray) -> tuple[Volume, Volume]:
    """The template's brain, moved by ``matrix``; image and mask."""
    data, affine = brain()
    image = Volume(data, affine, Path("x.nii.gz"))
    grid = Grid.of(image).padded(30.0)
    found = resample_image(image, grid, np.linalg.inv(matrix), spline=False)
    return found, Volume((found.data > 5).astype(np.uint8), found.affine, found.path)


CORNERS = np.array([[x, y, z, 1.0] for x in (-60, 60) for y in (-90, 60) for z in (-40, 60)]).T


def test_registration_finds_the_pose():
    matrix = pose(8, (6.0, -9.0, 4.0), 0.93)
    image, mask = posed_brain(matrix)
    found = register(image, mask)
    apart = np.linalg.norm(((found.matrix - matrix) @ CORNERS)[:3], axis=0)
    assert apart.mean() < 2.0 < SPACING
    assert apart.max() < 3.0


def test_without_registration_the_centre_is_moved_to_the_template():
    matrix = pose(shift=(6.0, -9.0, 4.0))
    found = align_centres(posed_brain(matrix)[1])
    np.testing.assert_allclose(found.matrix, matrix, atol=1.5)
    np.testing.assert_array_equal(found.matrix[:3, :3], np.eye(3))


def test_a_brain_of_impossible_size_is_refused(monkeypatch):
    monkeypatch.setattr("benchmark.preparation.template._SPACING", 6.0)  # mm; a coarse grid tells it as well
    image, mask = posed_brain(pose())
    affine = image.affine @ np.diag([0.6, 0.6, 0.6, 1.0])
    with pytest.raises(DataError, match=r"x.nii.gz: cannot be registered .* times as large"):
        register(Volume(image.data, affine, image.path), Volume(mask.data, affine, mask.path))


def test_slices_lie_about_the_template():
    settings = MRIPreparation(
        kind="mri",
        brain_extraction="given",
        n4=False,
        tissue="none",
        grid_spacing=2.0,
        grid_size=(96, 80),
        slice_range=(-40, 66),
        slice_step=2,
    )
    grid = slice_grid(settings)
    assert grid.shape == (80, 96, 27)
    assert grid.spacing.tolist() == [2.0, 2.0, 4.0]
    heights = grid.affine[2, 3] + grid.affine[2, 2] * np.arange(27)
    assert heights[[0, -1]].tolist() == [-40.0, 64.0]
    whole = Grid.of(template())
    for g in (grid, whole):
        centre = (g.affine @ [*((np.array(g.shape) - 1) / 2), 1.0])[:2]
        np.testing.assert_allclose(centre, [0.0, -18.0])
    inside = resample_image(template(), grid, np.eye(4), spline=False).data > 10
    assert not inside[[0, -1]].any()
    assert not inside[:, [0, -1]].any()

import warnings

import numpy as np
import pytest
from scipy import ndimage
from small_benchmark import dataset_config

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.hd95 import HausdorffDistance95, diagonal, hausdorff_distance_95
from benchmark.metrics.inputs import Segmentation


def box(*corner, size=(3, 4, 5), shape=(12, 14, 16)):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))] = True
    return mask


@pytest.mark.parametrize(("axis", "spacing"), [(0, (3.0, 1.0, 1.0)), (1, (1.0, 0.5, 1.0)), (2, (1.0, 1.0, 2.0))])
def test_two_points_are_as_far_apart_as_their_distance_in_mm(axis, spacing):
    one, other = np.zeros((2, 9, 9, 9), bool)
    one[1, 1, 1] = True
    other[tuple(6 if a == axis else 1 for a in range(3))] = True
    assert hausdorff_distance_95(one, other, spacing) == pytest.approx(5 * spacing[axis])


def test_equal_masks_are_at_distance_zero_and_the_order_does_not_matter():
    one, other = box(1, 1, 1), box(2, 3, 1)
    assert hausdorff_distance_95(one, one, (1, 2, 3)) == 0
    there, back = (hausdorff_distance_95(*pair, (1, 2, 3)) for pair in ((one, other), (other, one)))
    assert there == back > 0


def test_only_monais_warning_about_itself_is_suppressed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hausdorff_distance_95(box(1, 1, 1), box(2, 3, 1), (1, 2, 3)) > 0
    with pytest.warns(UserWarning, match="nan"):
        hausdorff_distance_95(box(1, 1, 1), np.zeros((12, 14, 16), bool), (1, 2, 3))


def test_agrees_with_distance_maps_of_the_surfaces():
    random = np.random.default_rng(0)
    one, other = (ndimage.binary_opening(random.random((10, 20, 20)) > 0.4) for _ in range(2))
    spacing = (3.0, 1.0, 1.5)
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    maps = [ndimage.distance_transform_edt(~surface, sampling=spacing) for surface in surfaces]
    expected = max(np.percentile(maps[1][surfaces[0]], 95), np.percentile(maps[0][surfaces[1]], 95))
    assert hausdorff_distance_95(one, other, spacing) == pytest.approx(expected, rel=1e-5)


DATASET = DatasetConfig.model_validate({"name": "tiny", **dataset_config()})


def distances(prediction, reference, spacing=(1.0, 1.0, 1.0)):
    """Rows of the classes core and spot."""
    return list(HausdorffDistance95(Strict()).compare(Segmentation("s", prediction, reference, spacing), DATASET))


def test_the_distance_to_nothing_is_the_diagonal_of_the_volume():
    empty, core = np.zeros((2, 3, 6), np.uint8), np.ones((2, 3, 6), np.uint8)
    for pair in ((empty, core), (core, empty)):
        row, absent = distances(*pair, spacing=(3.0, 1.0, 0.5))
        assert (row.status, row.unit, row.value) == ("ok", "mm", pytest.approx(np.sqrt(6**2 + 3**2 + 3**2)))
        assert (absent.status, absent.reason) == ("skipped", "the class is absent from prediction and reference")
    row, _ = distances(core, core)
    assert (row.value, row.unit, row.label) == (0, "mm", "core")
    assert diagonal((240, 240, 155), (1, 1, 1)) == pytest.approx(373.13, abs=0.005)  # as the BraTS challenge has it


def test_a_method_that_finds_nothing_in_hard_subjects_does_not_win():
    """Before, its mean was over the other subjects: 1 mm against the 2 mm of a method that finds every lesion."""
    reference = box(4, 4, 4).astype(np.uint8)
    near, far, nothing = box(4, 5, 4), box(4, 6, 4), box(0, 0, 0) & False
    collapsed, steady = (
        np.mean([distances(prediction.astype(np.uint8), reference)[0].value for prediction in predictions])
        for predictions in ((near, near, nothing), (far, far, far))
    )
    assert steady == pytest.approx(2)
    assert collapsed == pytest.approx((1 + 1 + np.sqrt(12**2 + 14**2 + 16**2)) / 3)

import warnings

import numpy as np
import pytest
from scipy import ndimage
from small_benchmark import dataset_config

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.hd95 import HausdorffDistance95, hausdorff_distance_95
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


def test_the_distance_to_nothing_is_no_score():
    dataset = DatasetConfig.model_validate({"name": "tiny", **dataset_config()})
    metric = HausdorffDistance95(Strict())
    empty, core = np.zeros((2, 3, 3), np.uint8), np.ones((2, 3, 3), np.uint8)
    reasons = {}
    for name, pair in {"prediction": (empty, core), "reference": (core, empty)}.items():
        row, absent = metric.compare(Segmentation("s", *pair, (1, 1, 1)), dataset)
        assert (row.status, row.unit, row.reason) == ("skipped", "mm", f"the class is absent from the {name}")
        reasons[name] = absent.reason
    assert set(reasons.values()) == {"the class is absent from prediction and reference"}
    row, _ = metric.compare(Segmentation("s", core, core, (1, 1, 1)), dataset)
    assert (row.value, row.unit, row.label) == (0, "mm", "core")

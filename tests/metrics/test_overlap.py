import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.metrics import compute_dice, compute_generalized_dice, compute_iou
from small_benchmark import dataset_config

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.overlap import Overlap, confusion, dice, generalized_dice, iou

CLASSES = 4
volumes = hnp.arrays(np.uint8, (2, 3, 3), elements=st.integers(0, CLASSES - 1))


def one_hot(volume):
    return torch.nn.functional.one_hot(torch.from_numpy(volume).long(), CLASSES).movedim(-1, 0)[None]


def rows(prediction, reference):
    dataset = DatasetConfig.model_validate({"name": "tiny", **dataset_config()})
    found = Overlap(Strict()).compare(Segmentation("s", prediction, reference, (1, 1, 1)), dataset)
    return {(row.metric, row.label): row for row in found}


def test_counts_pixels_by_class_of_reference_and_prediction():
    reference, prediction = np.array([0, 0, 1, 2, 2], np.uint8), np.array([0, 1, 1, 2, 0], np.uint8)
    assert confusion(prediction, reference, 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_hand_computed_scores():
    # Class 1: |A| = 3, |B| = 2, 1 common. Class 2: |A| = 1, |B| = 2, 1 common.
    reference = np.array([[[0, 1, 1, 2, 2, 0, 0]]], np.uint8)
    prediction = np.array([[[1, 1, 0, 2, 1, 0, 0]]], np.uint8)
    found = rows(prediction, reference)
    assert found["dice", "core"].value == pytest.approx(2 / 5)
    assert found["iou", "core"].value == pytest.approx(1 / 4)
    assert found["dice", "spot"].value == pytest.approx(2 / 3)
    assert found["gdice", ""].value == pytest.approx(2 * (1 + 1) / (5 + 3))


@settings(deadline=None)
@given(volumes, volumes)
def test_agrees_with_monai(prediction, reference):
    counts = confusion(prediction, reference, CLASSES)
    p, r = one_hot(prediction), one_hot(reference)
    there = counts.sum(0) + counts.sum(1) > 0  # MONAI scores a class that is absent from both as 1
    assert np.allclose(dice(counts)[there], compute_dice(p, r, ignore_empty=False)[0].numpy()[there])
    assert np.allclose(iou(counts)[there], compute_iou(p, r, ignore_empty=False)[0].numpy()[there])
    if there[1:].any():
        expected = compute_generalized_dice(
            p, r, include_background=False, weight_type="uniform", sum_over_classes=True
        )
        assert generalized_dice(counts) == pytest.approx(float(expected), abs=1e-6)


@settings(deadline=None)
@given(volumes, volumes)
def test_scores_are_within_bounds_symmetric_and_bound_to_each_other(prediction, reference):
    counts = confusion(prediction, reference, CLASSES)
    d, i = dice(counts), iou(counts)
    there = ~np.isnan(d)
    assert np.array_equal(there, ~np.isnan(i))
    assert ((d[there] >= 0) & (d[there] <= 1)).all()
    assert np.allclose(i[there], d[there] / (2 - d[there]))
    assert np.array_equal(d, dice(confusion(reference, prediction, CLASSES)), equal_nan=True)


@settings(deadline=None)
@given(volumes)
def test_a_volume_overlaps_itself_perfectly(volume):
    counts = confusion(volume, volume, CLASSES)
    for scores in (dice(counts), iou(counts)):
        assert set(scores[~np.isnan(scores)]) == {1.0}
    assert generalized_dice(counts) == 1 or not volume.any()


def test_a_class_absent_from_both_has_no_score_and_one_absent_from_one_scores_zero():
    reference = np.array([[[0, 1, 1]]], np.uint8)
    found = rows(np.array([[[0, 2, 0]]], np.uint8), reference)
    assert (found["dice", "core"].value, found["dice", "spot"].value) == (0, 0)
    found = rows(reference, reference)
    for metric in ("dice", "iou"):
        row = found[metric, "spot"]
        assert (row.status, row.subject) == ("skipped", "s")
        assert row.reason == "the class is absent from prediction and reference"
    empty = np.zeros((1, 1, 3), np.uint8)
    assert rows(empty, empty)["gdice", ""].status == "skipped"

import math

import numpy as np
import pytest
from small_benchmark import dataset_config

from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.lesions import Detection, LesionOptions, Lesions, detect


def at(*voxels, shape=(3, 8, 8)):
    mask = np.zeros(shape, bool)
    for voxel in voxels:
        mask[voxel] = True
    return mask


def rows(prediction, reference, **options):
    dataset = DatasetConfig.model_validate({"name": "tiny", **dataset_config()})
    segmentation = Segmentation("s", prediction.astype(np.uint8) * 2, reference.astype(np.uint8) * 2, (1, 1, 1))
    return {row.metric: row for row in Lesions(LesionOptions(**options)).compare(segmentation, dataset)}


def test_voxels_that_touch_at_a_corner_are_one_lesion():
    assert detect(at(), at((0, 0, 0), (1, 1, 1)), 0.1).reference == 1
    assert detect(at(), at((0, 0, 0), (2, 0, 0)), 0.1).reference == 2


def test_counts_found_lost_real_and_invented_lesions():
    reference = at((0, 0, 0), (0, 0, 1), (0, 4, 4), (2, 7, 7))  # three lesions
    predicted = at((0, 0, 1), (0, 4, 4), (0, 4, 5), (0, 7, 0), (2, 0, 7), (2, 4, 0))  # five, two of them real
    counts = detect(predicted, reference, 0.1)
    assert counts == Detection(reference=3, predicted=5, matched=2, found=2, real=2)
    assert counts.f1 == counts.any_overlap_f1 == pytest.approx(2 * (2 / 3) * (2 / 5) / (2 / 3 + 2 / 5))
    found = rows(predicted, reference)
    assert found["lesions_invented"].value == 3
    assert found["lesions_lost"].value == 1
    assert found["volume_error"].value == pytest.approx((6 - 4) / 4)


def test_one_blob_over_two_lesions_is_one_of_them():
    counts = detect(at((0, 0, 0), (0, 0, 1), (0, 0, 2)), at((0, 0, 0), (0, 0, 2)), 0.1)
    assert counts == Detection(reference=2, predicted=1, matched=1, found=2, real=1)
    assert (counts.f1, counts.any_overlap_f1) == (pytest.approx(2 / 3), 1)


def test_to_call_everything_a_lesion_is_no_detection():
    """By any overlap, the F1 of before, it is perfect."""
    reference = at((0, 0, 0), (0, 3, 3), (1, 6, 6), (2, 1, 5))
    found = rows(np.ones_like(reference), reference)
    assert (found["lesion_f1"].value, found["lesion_f1_any_overlap"].value) == (0, 1)
    assert (found["lesions_invented"].value, found["lesions_lost"].value) == (1, 4)


def test_lesions_are_matched_one_to_one_so_that_most_of_them_overlaps():
    # The long lesion touches two predictions, of which the second also touches the short one.
    reference = at(*((0, 0, i) for i in range(4)), *((0, 0, i) for i in (6, 7)))
    predicted = at(*((0, 0, i) for i in range(2)), *((0, 0, i) for i in range(3, 8)))
    counts = detect(predicted, reference, 0.1)
    assert counts == Detection(reference=2, predicted=2, matched=2, found=2, real=2)
    assert detect(predicted, reference, 0.45).matched == 1  # IoU 2/4 and 2/5
    assert rows(predicted, reference, least_iou=0.45)["lesions_lost"].value == 1


def test_scores_where_there_is_nothing_to_find_or_nothing_found():
    lesion, nothing = at((1, 1, 1)), at()
    assert rows(nothing, lesion)["lesion_f1"].value == 0
    assert rows(lesion, nothing)["lesion_f1"].value == 0
    assert rows(lesion, nothing)["volume_error"].status == "skipped"
    assert rows(lesion, nothing)["lesions_invented"].value == 1
    both = rows(nothing, nothing)
    assert math.isnan(detect(nothing, nothing, 0.1).f1)
    assert math.isnan(detect(nothing, nothing, 0.1).any_overlap_f1)
    assert both["lesion_f1"].reason == "there is no lesion in prediction or reference"
    assert (both["lesions_invented"].value, both["lesions_lost"].value) == (0, 0)


def test_a_perfect_prediction_scores_perfectly():
    lesion = at((0, 0, 0), (2, 4, 4))
    found = rows(lesion, lesion)
    values = [found[m].value for m in ("lesion_f1", "volume_error", "lesions_invented", "lesions_lost")]
    assert values == [1, 0, 0, 0]

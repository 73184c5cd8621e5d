import math

import numpy as np
import pytest
from small_benchmark import dataset_config

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.lesions import Detection, Lesions, detect


def at(*voxels, shape=(3, 8, 8)):
    mask = np.zeros(shape, bool)
    for voxel in voxels:
        mask[voxel] = True
    return mask


def rows(prediction, reference):
    dataset = DatasetConfig.model_validate({"name": "tiny", **dataset_config()})
    segmentation = Segmentation("s", prediction.astype(np.uint8) * 2, reference.astype(np.uint8) * 2, (1, 1, 1))
    return {row.metric: row for row in Lesions(Strict()).compare(segmentation, dataset)}


def test_voxels_that_touch_at_a_corner_are_one_lesion():
    assert detect(at(), at((0, 0, 0), (1, 1, 1))).reference == 1
    assert detect(at(), at((0, 0, 0), (2, 0, 0))).reference == 2


def test_counts_found_lost_real_and_invented_lesions():
    reference = at((0, 0, 0), (0, 0, 1), (0, 4, 4), (2, 7, 7))  # three lesions
    predicted = at((0, 0, 1), (0, 4, 4), (0, 4, 5), (0, 7, 0), (2, 0, 7), (2, 4, 0))  # five, two of them real
    counts = detect(predicted, reference)
    assert counts == Detection(reference=3, found=2, predicted=5, real=2)
    assert counts.f1 == pytest.approx(2 * (2 / 3) * (2 / 5) / (2 / 3 + 2 / 5))
    found = rows(predicted, reference)
    assert found["lesions_invented"].value == 3
    assert found["lesions_lost"].value == 1
    assert found["volume_error"].value == pytest.approx((6 - 4) / 4)


def test_one_blob_over_two_lesions_finds_both_and_is_one_prediction():
    counts = detect(at((0, 0, 0), (0, 0, 1), (0, 0, 2)), at((0, 0, 0), (0, 0, 2)))
    assert counts == Detection(reference=2, found=2, predicted=1, real=1)
    assert counts.f1 == 1


def test_scores_where_there_is_nothing_to_find_or_nothing_found():
    lesion, nothing = at((1, 1, 1)), at()
    assert rows(nothing, lesion)["lesion_f1"].value == 0
    assert rows(lesion, nothing)["lesion_f1"].value == 0
    assert rows(lesion, nothing)["volume_error"].status == "skipped"
    assert rows(lesion, nothing)["lesions_invented"].value == 1
    both = rows(nothing, nothing)
    assert math.isnan(detect(nothing, nothing).f1)
    assert both["lesion_f1"].reason == "there is no lesion in prediction or reference"
    assert (both["lesions_invented"].value, both["lesions_lost"].value) == (0, 0)


def test_a_perfect_prediction_scores_perfectly():
    lesion = at((0, 0, 0), (2, 4, 4))
    found = rows(lesion, lesion)
    values = [found[m].value for m in ("lesion_f1", "volume_error", "lesions_invented", "lesions_lost")]
    assert values == [1, 0, 0, 0]

import math

import numpy as np
import pytest

from benchmark.config.base import Strict
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.preservation import Preservation, agreement, intraclass_correlation, volumes

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_agreement_is_that_of_the_published_example():
    assert intraclass_correlation(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)  # Shrout & Fleiss 1979, Table 4


def test_agreement_is_perfect_for_equal_volumes_and_suffers_from_a_bias():
    before = np.array([10.0, 12, 15, 11])
    assert intraclass_correlation(np.stack([before, before], axis=1)) == pytest.approx(1)
    shifted = intraclass_correlation(np.stack([before, before + 4], axis=1))
    scattered = intraclass_correlation(np.stack([before, before[::-1]], axis=1))
    assert scattered < shifted < 0.7


def test_agreement_needs_three_subjects_and_something_that_varies():
    assert "at least 3" in agreement(np.ones((2, 2)), "core").reason
    assert agreement(np.ones((3, 2)), "core").reason == "all volumes are the same"
    assert math.isnan(intraclass_correlation(np.ones((3, 2))))


def test_volumes_are_millilitres_of_the_prediction():
    prediction = np.zeros((4, 10, 10), np.uint8)
    prediction[0] = 1
    prediction[1, :5] = 2
    segmentation = Segmentation("s", prediction, np.zeros_like(prediction), (4.0, 2.0, 5.0))
    assert volumes(segmentation, [1, 2]).tolist() == [4.0, 2.0]


def test_before_is_the_source_segmentors_and_after_the_target_segmentors_volume(view, monkeypatch):
    before = {s: np.full((4, 36, 28), 1, np.uint8) for s in view.subjects}
    after = {s: np.where(np.arange(28) < 7 * (i + 1), 2, 0) * np.ones((4, 36, 28)) for i, s in enumerate(view.subjects)}
    real = {("source", "source"): before}
    monkeypatch.setattr(type(view.pair), "predictions", lambda self, *sides: real[sides])
    view.predictions = {s: a.astype(np.uint8) for s, a in after.items()}
    found = {(r.metric, r.subject, r.label): r for r in Preservation(Strict()).compute(view)}
    voxels, voxel = 4 * 36 * 28, 3 * 1 * 2 / 1000
    assert found["volume_before", "a3", "core"].value == pytest.approx(voxels * voxel)
    assert found["volume_after", "a4", "spot"].value == pytest.approx(voxels / 2 * voxel)
    assert found["volume_bias", "a3", "core"].value == pytest.approx(-voxels * voxel)
    assert found["volume_icc", "all", "core"].value == pytest.approx(0)  # all whole before, all gone after
    assert found["volume_icc", "all", "spot"].value < 0.5

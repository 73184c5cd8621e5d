import math

import numpy as np
import pandas as pd
import pytest

from benchmark.config.base import Strict
from benchmark.metrics.inputs import Segmentation
from benchmark.metrics.preservation import (
    ICC,
    LOWER,
    UPPER,
    Preservation,
    agreement,
    correlation_interval,
    intraclass_correlation,
    volumes,
)
from benchmark.results import scores
from benchmark.results.scores import Score
from benchmark.runtime.paths import Cell

SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_agreement_is_that_of_the_published_example():
    assert intraclass_correlation(SHROUT_FLEISS) == pytest.approx(0.29, abs=0.005)  # Shrout & Fleiss 1979, Table 4


def test_the_interval_of_agreement_is_that_of_the_published_example():
    low, high = correlation_interval(SHROUT_FLEISS)
    # As R's psych::ICC prints it for these ratings.
    assert (low, high) == (pytest.approx(0.019, abs=0.0005), pytest.approx(0.761, abs=0.0005))


def test_the_interval_holds_the_true_agreement_about_as_often_as_it_says():
    random, held = np.random.default_rng(0), []
    for _ in range(400):
        subjects, bias = random.normal(0, 2, (10, 1)), random.normal(0, 0.5, (1, 2))
        low, high = correlation_interval(subjects + bias + random.normal(0, 1, (10, 2)))
        held.append(low <= 4 / (4 + 0.25 + 1) <= high)
    assert 0.9 < np.mean(held) < 0.99


def test_equal_ratings_and_no_variance_at_all_have_no_interval():
    for ratings in (np.ones((3, 2)), np.array([[5.0, 0]] * 3)):
        assert np.isnan(correlation_interval(ratings)).all()
    near = correlation_interval(np.array([[1.0, 1], [2, 2], [4, 4 + 1e-9]]))
    assert near == (pytest.approx(1), pytest.approx(1))


def test_agreement_is_over_the_subjects_of_all_folds_and_the_mean_over_labels():
    pairs = {"core": [(10, 11), (12, 12), (14, 17), (9, 9)], "spot": [(1, 1), (2, 1), (3, 4), (2, 2)]}
    frames = [
        scores.table(
            Cell("small", "tiny", "AA", "BB", fold, "echo", 0),
            [
                Score(metric, value, "mL", f"s{fold}", label)
                for label, of in pairs.items()
                for metric, value in zip(("volume_before", "volume_after"), of[fold], strict=True)
            ],
        )
        for fold in range(4)
    ]
    own = pd.concat(frames)
    arrays = {label: np.array(of, float) for label, of in pairs.items()}
    core = np.diff(arrays["core"]).ravel()  # 1, 0, 3, 0
    lower, upper = (quantity.pool(own[own["label"] == "core"], None) for quantity in (LOWER, UPPER))
    assert (lower, upper) == pytest.approx((1 - 1.96 * core.std(ddof=1), 1 + 1.96 * core.std(ddof=1)))
    assert ICC.pool(own, None) == pytest.approx(np.mean([intraclass_correlation(a) for a in arrays.values()]))
    ends = np.array([correlation_interval(a) for a in arrays.values()])
    assert ICC.interval(own) == pytest.approx(tuple(ends.mean(axis=0)))
    assert np.isnan(ICC.interval(own[own["fold"] < 2])).all()
    assert ICC.bold == "never"


def test_agreement_is_perfect_for_equal_volumes_and_suffers_from_a_bias():
    before = np.array([10.0, 12, 15, 11])
    assert intraclass_correlation(np.stack([before, before], axis=1)) == pytest.approx(1)
    shifted = intraclass_correlation(np.stack([before, before + 4], axis=1))
    scattered = intraclass_correlation(np.stack([before, before[::-1]], axis=1))
    assert scattered < shifted < 0.7


def test_agreement_needs_three_subjects_and_something_that_varies():
    assert all("at least 3" in row.reason for row in agreement(np.ones((2, 2)), "core"))
    lower, upper, icc = agreement(np.ones((3, 2)), "core")
    assert (lower.value, upper.value, icc.reason) == (0, 0, "all volumes are the same")
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

import math

import numpy as np
import pytest
from scipy.stats import pearsonr
from small_cells import make_view

from benchmark.config.base import Strict
from benchmark.metrics.contrast import Contrast, correlation, reordered


def test_correlation_is_scipys_inside_the_mask():
    rng = np.random.default_rng(0)
    before, after = rng.uniform(-1, 1, (2, 3, 8, 9)).astype(np.float32)
    mask = rng.integers(0, 2, (3, 8, 9)).astype(np.uint8)
    expected = pearsonr(before[mask > 0].astype(float), after[mask > 0].astype(float)).statistic
    assert correlation(before, after, mask) == pytest.approx(expected)


def test_a_constant_image_and_an_empty_mask_have_none():
    image = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    assert math.isnan(correlation(image, np.zeros_like(image), np.ones_like(image, np.uint8)))
    assert math.isnan(correlation(image, image, np.zeros_like(image, np.uint8)))


@pytest.mark.parametrize(("change", "expected"), [(lambda x: x, 1), (lambda x: -x, -1), (lambda x: x / 2 - 0.3, 1)])
def test_of_a_cell(view, change, expected):
    view = make_view(change=change)
    found = {(row.metric, row.subject): row.value for row in Contrast(Strict()).compute(view)}
    for subject in view.subjects:
        assert found.pop(("contrast_correlation", subject)) == pytest.approx(expected, abs=1e-6)
        assert found.pop(("contrast_inverted", subject)) == (expected < 0)
        assert found.pop(("contrast_reordered", subject)) == (expected < 0)
    assert not found


def test_an_inversion_between_two_classes_is_seen_where_the_correlation_stays_high():
    """As white and grey matter that change places beside a large dark fluid."""
    labels = np.repeat([0, 1, 2, 3], [50, 100, 20, 20]).astype(np.uint8)[None, None]
    before = np.array([-1, -0.9, 0.3, 0.5])[labels]
    after = np.array([-1, -0.9, 0.5, 0.3])[labels]
    assert correlation(before, after, labels) > 0.9
    assert (reordered(before, before / 2 - 0.1, labels), reordered(before, after, labels)) == (0, 1)


def test_an_order_is_of_classes_alone_and_takes_two_of_them():
    labels = np.array([[[0, 0, 1, 1, 2, 2]]], np.uint8)
    before, after = np.array([[[9, 9, 1, 1, 2, 2]], [[-9, -9, 1, 2, 3, 2]]], float)
    assert reordered(before, after, labels) == 0  # the background changed
    assert reordered(before, np.zeros_like(before), labels) == 1  # all are as bright
    assert math.isnan(reordered(before, after, labels == 1))


def test_a_constant_translation_is_skipped_with_the_reason(view):
    rows = list(Contrast(Strict()).compute(make_view(change=np.zeros_like)))
    global_, order = ([r for r in rows if (r.metric == "contrast_reordered") is local] for local in (False, True))
    assert {row.status for row in global_} == {"skipped"}
    assert all("constant" in row.reason for row in global_)
    assert {row.value for row in order} == {1}


def test_a_class_outside_the_mask_has_no_part_in_the_order(view, monkeypatch):
    monkeypatch.setattr(view.pair.store, "mask", lambda s: (view.pair.store.labels(s) == 1).astype(np.uint8))
    rows = [r for r in Contrast(Strict()).compute(view) if r.metric == "contrast_reordered"]
    assert {r.reason for r in rows} == {"an order takes two classes inside the mask"}

import math

import numpy as np
import pytest
from scipy.stats import pearsonr
from small_cells import make_view

from benchmark.config.base import Strict
from benchmark.metrics.contrast import Contrast, correlation


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
    assert not found


def test_a_constant_translation_is_skipped_with_the_reason(view):
    rows = list(Contrast(Strict()).compute(make_view(change=np.zeros_like)))
    assert {row.status for row in rows} == {"skipped"}
    assert all("constant" in row.reason for row in rows)

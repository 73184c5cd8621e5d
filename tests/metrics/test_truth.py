import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity
from small_cells import make_view

from benchmark.config.base import Strict
from benchmark.metrics.inputs import Need
from benchmark.metrics.truth import Truth, compare

random = np.random.default_rng(0)


def image(shape=(3, 30, 26)):
    return random.uniform(-1, 1, shape).astype(np.float32)


def scores(one, other, mask):
    return {row.metric: row for row in compare(one, other, mask, "s")}


def test_a_constant_offset_inside_the_mask_has_closed_forms():
    truth, mask = image() / 2, np.zeros((3, 30, 26), np.uint8)
    mask[:, 8:20, 6:20] = 1
    harmonized = truth + np.where(mask, 0.1, -0.4).astype(np.float32)
    found = scores(harmonized, truth, mask)
    assert found["mae"].value == pytest.approx(0.1, rel=1e-5)
    assert found["psnr"].value == pytest.approx(10 * math.log10(4 / 0.01), rel=1e-5)
    assert found["psnr"].unit == "dB"


def test_ssim_is_the_mean_of_the_map_over_the_mask_without_the_border():
    one, other, mask = image(), image(), (random.random((3, 30, 26)) > 0.5).astype(np.uint8)
    values = []
    for z in range(3):
        options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 2}
        full = structural_similarity(one[z].astype(float), other[z].astype(float), full=True, **options)[1]
        values.append(full[5:-5, 5:-5][mask[z, 5:-5, 5:-5] > 0])
    assert scores(one, other, mask)["ssim"].value == pytest.approx(np.concatenate(values).mean(), abs=1e-6)


def test_the_truth_itself_scores_perfectly_but_for_a_psnr_that_is_no_number():
    truth = image()
    found = scores(truth, truth, np.ones((3, 30, 26), np.uint8))
    assert found["mae"].value == 0
    assert found["ssim"].value == pytest.approx(1, abs=1e-7)
    assert (found["psnr"].status, found["psnr"].reason) == ("skipped", "image and truth are equal: PSNR is infinite")


def test_an_empty_mask_and_one_within_the_border_have_reasons():
    one, other, mask = image(), image(), np.zeros((3, 30, 26), np.uint8)
    assert {row.reason for row in scores(one, other, mask).values()} == {"the mask is empty"}
    mask[:, :3] = 1
    found = scores(one, other, mask)
    assert found["mae"].status == "ok"
    assert found["ssim"].reason == "the mask lies within the border of the slices"


def test_compares_with_the_noise_free_truth(view, monkeypatch):
    clean = {s: view.images[s] * 0.5 for s in view.subjects}
    monkeypatch.setattr(type(view), "truth", lambda self, s: (clean[s], np.full_like(clean[s], 0.77)))
    found = [row for row in Truth(Strict()).compute(view) if row.metric == "mae"]
    assert [row.subject for row in found] == list(view.subjects)
    for row in found:
        inside = view.pair.store.mask(row.subject) > 0
        assert row.value == pytest.approx(np.abs(view.images[row.subject] / 2)[inside].mean(), rel=1e-5)


def test_only_phantoms_have_a_truth(view):
    assert view.lacks(Need.TRUTH) is None
    view.pair.dataset = view.pair.dataset.model_copy(update={"phantom": False})
    assert "no truth" in view.lacks(Need.TRUTH)
    assert make_view().lacks(Need.SEGMENTORS) is None

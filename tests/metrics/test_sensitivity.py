import numpy as np
import pytest
import torch
from monai.metrics import SSIMMetric
from pydantic import ValidationError
from small_cells import Echo, make_view

from benchmark.metrics._similarity import ssim_map
from benchmark.metrics.inputs import Need
from benchmark.metrics.sensitivity import (
    CURVES,
    Sensitivity,
    SensitivityOptions,
    add_noise,
    area,
    compare,
    sigma_label,
)

random = np.random.default_rng(0)


def smooth(shape=(3, 40, 30)):
    return np.cumsum(random.normal(0, 0.1, shape), axis=2).clip(-1, 1).astype(np.float32)


def rows(view, **options):
    return list(Sensitivity(SensitivityOptions(**options)).compute(view))


def curve(found, metric, subject):
    return {r.label: r.value for r in found if r.metric == metric and r.subject == subject}


def test_noise_levels_are_the_papers():
    assert SensitivityOptions().sigmas == pytest.approx([0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5])
    assert [sigma_label(s) for s in (0.0, 0.05, 0.15000000000000002)] == ["0", "0.05", "0.15"]


def test_without_noise_the_error_is_exactly_0_and_the_similarity_exactly_1(view):
    found = rows(view)
    for subject in view.subjects:
        assert curve(found, "sensitivity_mse", subject)["0"] == 0
        assert curve(found, "sensitivity_ssim", subject)["0"] == 1


@pytest.mark.parametrize(("method", "factor"), [("echo", 1.0), ("halves", 0.25)])
def test_a_linear_reconstruction_passes_on_the_variance_of_the_noise(view, method, factor):
    view = make_view(method)
    found = rows(view)
    for subject in view.subjects:
        mse = curve(found, "sensitivity_mse", subject)
        assert len(mse) == 11
        for label, value in mse.items():
            assert value == pytest.approx(factor * float(label) ** 2, rel=0.08, abs=1e-12)
        similarity = list(curve(found, "sensitivity_ssim", subject).values())
        assert similarity == sorted(similarity, reverse=True)


def test_areas_are_those_under_the_curves_up_to_a_fifth(view):
    found = rows(view)
    for metric in ("mse", "ssim"):
        for subject in view.subjects:
            values = curve(found, f"sensitivity_{metric}", subject)
            expected = 0.05 * (values["0"] / 2 + values["0.05"] + values["0.1"] + values["0.15"] + values["0.2"] / 2)
            (row,) = [r for r in found if r.metric == f"sensitivity_auc_{metric}" and r.subject == subject]
            assert row.value == pytest.approx(expected)
    assert area((0, 0.1, 0.2, 0.5), (1, 1, 1, 0)) == pytest.approx(0.2)


def test_noise_is_gaussian_unclamped_and_of_its_own_for_every_subject_and_level():
    images = np.ones((20, 40, 40), np.float32)
    noise = {(s, i): (add_noise(images, s, "data", i) - images) / s for s in (0.1, 0.2) for i in ("a", "b")}
    for one in noise.values():
        assert one.mean() == pytest.approx(0, abs=0.02)
        assert one.std() == pytest.approx(1, abs=0.02)
        assert (one > 0).mean() == pytest.approx(0.5, abs=0.02)  # nothing was clamped at 1
    flat = np.corrcoef([one.ravel() for one in noise.values()])
    assert np.abs(flat - np.eye(4)).max() < 0.03
    assert np.array_equal(add_noise(images, 0.1, "data", "a"), add_noise(images, 0.1, "data", "a"))
    assert np.array_equal(add_noise(images, 0.0, "data", "a"), images)


def test_every_method_meets_the_same_noise(view):
    echo, halves = (curve(rows(make_view(m)), "sensitivity_mse", "a3")["0.3"] for m in ("echo", "halves"))
    assert halves == pytest.approx(echo / 4, rel=1e-5)


def test_leaves_the_middle_slice_at_the_levels_that_the_figure_shows(view):
    rows(view)
    array, attributes = view.artifacts["reconstructions/a3"]
    assert attributes == {"sigmas": [0.0, 0.1, 0.2, 0.5], "slice": 2}
    assert np.array_equal(array[0], view.images["a3"][2])
    assert np.std(array[3] - array[0]) == pytest.approx(0.5, rel=0.1)


def test_every_level_is_translated_once_and_no_noise_is_the_translation_itself(view, monkeypatch):
    calls = []
    translate = Echo.translate
    monkeypatch.setattr(Echo, "translate", lambda self, *given: calls.append(given[0]) or translate(self, *given))
    rows(view)
    for subject in view.subjects:
        mine, calls[:] = calls[:11], calls[11:]
        assert np.array_equal(mine[0], view.images[subject])
        spread = [np.std(image - view.images[subject]) for image in mine]
        assert spread == pytest.approx([i / 20 for i in range(11)], rel=0.1)
    assert not calls


def test_needs_a_method_that_translates_backward(view):
    assert Need.BACKWARD in Sensitivity.needs
    assert "does not translate from target to source" in make_view("one_way").lacks(Need.BACKWARD)
    view.load_method = None
    assert "not the method" in view.lacks(Need.BACKWARD)


@pytest.mark.parametrize("sigmas", [(0.1, 0.2), (0, 0.1), (0, 0.2, 0.1), (0, 0.2, 0.2), (-0.1, 0, 0.2)])
def test_refuses_levels_without_an_area(sigmas):
    with pytest.raises(ValidationError, match=r"must rise from 0 and include 0.2|greater than or equal to 0"):
        SensitivityOptions(sigmas=sigmas)


def test_ssim_agrees_with_monai():
    images, others = smooth(), smooth()
    expected = SSIMMetric(spatial_dims=2, data_range=2.0)(*(torch.from_numpy(i)[:, None] for i in (images, others)))
    assert ssim_map(images, others).mean(axis=(1, 2)) == pytest.approx(expected[:, 0].numpy(), abs=1e-4)


def test_ssim_of_constant_images_is_the_luminance_term():
    images, others = np.full((1, 12, 14), 0.5, np.float32), np.full((1, 12, 14), -0.25, np.float32)
    c1 = 0.02**2
    expected = (2 * 0.5 * -0.25 + c1) / (0.5**2 + 0.25**2 + c1)
    assert ssim_map(images, others) == pytest.approx(np.full((1, 2, 4), expected), abs=1e-6)


def test_scores_are_within_their_bounds_and_perfect_for_equal_images():
    images = smooth()
    assert compare(images, images) == {"mse": 0, "ssim": 1}
    found = compare(images, -images)
    for name, quantity in CURVES.items():
        assert quantity.bounds[0] <= found[name] <= quantity.bounds[1]

"""Segmentation renormalization, Eq. 1."""

import pytest
import torch
from network_reference import images, linear, randomized, standardized

from benchmark.networks.renormalization import SegmentationRenorm


def hand_set_renorm(gamma):
    """FC_γ(e) = 2·e₀ + 1 and FC_β(e) = -e₁ + 0.5 for the one channel."""
    renorm = SegmentationRenorm(1, 2, gamma=gamma)
    with torch.no_grad():
        renorm.film.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, -1.0]]))
        renorm.film.bias.copy_(torch.tensor([1.0, 0.5]))
    return renorm


@pytest.mark.parametrize(
    ("gamma", "expected"),
    [
        # h = (-3, -1, 1, 3)/√5 by hand: mean 2.5 and standard deviation √1.25. γ = 2·3 + 1 = 7, β = -4 + 0.5 = -3.5.
        ("paper", [-12.89149, -6.63050, -0.36950, 5.89149]),
        ("reference", [-14.23313, -7.07771, 0.07771, 7.23313]),
    ],
)
def test_equation_1_by_hand(gamma, expected, prepare):
    features = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 2)
    renormed = prepare(hand_set_renorm(gamma))(features, torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(renormed.flatten(), torch.tensor(expected), rtol=0, atol=1e-4)


@pytest.mark.parametrize("gamma", ["paper", "reference"])
def test_forward_is_the_specification(gamma, prepare):
    renorm = prepare(randomized(SegmentationRenorm(5, 3, gamma)))
    features, embedding = 3 * images(2, 5, 6, 7) - 2, images(2, 3, seed=2)
    scale, shift = linear(renorm.state_dict(), "film", embedding)[:, :, None, None].chunk(2, dim=1)
    expected = (scale + (gamma == "reference")) * standardized(features) + shift
    torch.testing.assert_close(renorm(features, embedding), expected)


def test_statistics_and_modulation_belong_to_one_channel_of_one_sample(prepare):
    renorm = prepare(randomized(SegmentationRenorm(3, 4)))
    features, embedding = 5 * images(2, 3, 4, 6) + 7, images(2, 4, seed=2)
    together = renorm(features, embedding)
    for n in range(2):
        alone = renorm(features[n : n + 1], embedding[n : n + 1])
        torch.testing.assert_close(together[n : n + 1], alone)
        for c in range(3):
            gamma = embedding[n] @ renorm.film.weight[c] + renorm.film.bias[c]
            beta = embedding[n] @ renorm.film.weight[3 + c] + renorm.film.bias[3 + c]
            torch.testing.assert_close(together[n, c].mean(), beta)
            torch.testing.assert_close(together[n, c].std(correction=0), (1 + gamma).abs(), rtol=1e-4, atol=0)


def test_gradients_reach_features_and_embedding(prepare):
    renorm = prepare(randomized(SegmentationRenorm(2, 3)))
    features, embedding = images(2, 2, 3, 2).requires_grad_(), images(2, 3, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(renorm, (features, embedding))


def test_one_linear_map_of_two_outputs_per_channel():
    shapes = {name: tuple(p.shape) for name, p in SegmentationRenorm(7, 512).named_parameters()}
    assert shapes == {"film.weight": (14, 512), "film.bias": (14,)}


@pytest.mark.parametrize("samples", [1, 4])
def test_a_single_pixel_has_no_standard_deviation(samples, prepare):
    with pytest.raises(ValueError, match="more than 1"):
        prepare(SegmentationRenorm(3, 2))(torch.ones(samples, 3, 1, 1), torch.ones(samples, 2))


@pytest.mark.parametrize(("gamma", "offset"), [("paper", 0), ("reference", 1)])
def test_scale_and_shift_have_at_least_the_precision_of_float32(gamma, offset):
    renorm = SegmentationRenorm(4, 3, gamma)
    film = torch.linspace(-0.02, 0.02, 16).view(2, 8)
    for given, precise in ((torch.bfloat16, torch.float32), (torch.float32, torch.float32), (torch.float64,) * 2):
        scale, shift = renorm.scale_and_shift(film.to(given))
        assert scale.dtype == shift.dtype == precise
        expected = film.to(given).to(precise)
        assert torch.equal(scale, expected[:, :4] + offset)
        assert torch.equal(shift, expected[:, 4:])

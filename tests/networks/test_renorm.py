"""Eq. 1 and the instance norm under it."""

import pytest
import torch
from benchmark.networks.normalization import InstanceNorm, instance_norm
from network_reference import images, randomized, standardized
from torch import nn

from benchmark.networks import renorm
from benchmark.networks.renormalization import SegmentationRenorm, modulations


def renormalized(layer, features, embedding):
    return layer(features, {layer: layer.film(embedding)})


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
def test_equation_1_by_hand(gamma, expected):
    features = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 2)
    renormed = renormalized(hand_set_renorm(gamma), features, torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(renormed.flatten(), torch.tensor(expected), rtol=0, atol=1e-4)


def test_statistics_and_modulation_belong_to_one_channel_of_one_sample():
    renorm = randomized(SegmentationRenorm(3, 4))
    features, embedding = 5 * images(2, 3, 4, 6) + 7, images(2, 4, seed=2)
    together = renormalized(renorm, features, embedding)
    for n in range(2):
        alone = renormalized(renorm, features[n : n + 1], embedding[n : n + 1])
        torch.testing.assert_close(together[n : n + 1], alone)
        for c in range(3):
            gamma = embedding[n] @ renorm.film.weight[c] + renorm.film.bias[c]
            beta = embedding[n] @ renorm.film.weight[3 + c] + renorm.film.bias[3 + c]
            torch.testing.assert_close(together[n, c].mean(), beta)
            torch.testing.assert_close(together[n, c].std(correction=0), (1 + gamma).abs(), rtol=1e-4, atol=0)


def test_gradients_reach_features_and_embedding():
    renorm = randomized(SegmentationRenorm(2, 3))
    features, embedding = images(2, 2, 3, 2).requires_grad_(), images(2, 3, seed=2).requires_grad_()
    assert torch.autograd.gradcheck(lambda *given: renormalized(renorm, *given), (features, embedding))


def test_modulations_of_several_layers_are_those_of_each():
    layers = nn.ModuleList(randomized(SegmentationRenorm(channels, 3)) for channels in (2, 4))
    embedding = images(5, 3).requires_grad_()
    found = modulations(layers, embedding)
    assert list(found) == list(layers)
    for layer in layers:
        features = images(5, layer.film.out_features // 2, 6, 7)
        torch.testing.assert_close(layer(features, found), renormalized(layer, features, embedding))


def test_one_linear_map_of_two_outputs_per_channel():
    shapes = {name: tuple(p.shape) for name, p in SegmentationRenorm(7, 512).named_parameters()}
    assert shapes == {"film.weight": (14, 512), "film.bias": (14,)}


@pytest.mark.parametrize("shape", [(1, 1, 1, 2), (3, 5, 6, 4), (4, 2, 7, 9)])
def test_instance_norm_standardizes_each_channel_of_each_sample(shape):
    features = 3 * images(*shape) - 2
    torch.testing.assert_close(instance_norm(features), standardized(features))
    torch.testing.assert_close(InstanceNorm(shape[1])(features), standardized(features))


def test_instance_norm_is_indifferent_to_the_memory_layout():
    features = images(2, 3, 4, 5)
    interleaved = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(instance_norm(interleaved), instance_norm(features))


@pytest.mark.parametrize("samples", [1, 4])
def test_a_single_pixel_has_no_standard_deviation(samples):
    with pytest.raises(ValueError, match="more than 1"):
        instance_norm(torch.ones(samples, 3, 1, 1))


def test_in_half_precision_statistics_and_scales_are_in_float32():
    random = torch.Generator().manual_seed(0)
    features = (3 + 0.3 * torch.randn(2, 4, 16, 16, generator=random)).bfloat16()
    towards = torch.randn(2, 4, 16, 16, generator=random).bfloat16()

    def gradient(precise):
        images = features.to(precise).requires_grad_()
        instance_norm(images).backward(towards.to(precise))
        return images.grad.double()

    exact = gradient(torch.float64)
    # Rounded to bf16, each of its values would be 2⁻⁸ off at most; rounded statistics make it more than twice that.
    error = (gradient(torch.bfloat16) - exact).abs().max()
    assert error < 2**-8 * exact.abs().max() * 2
    layer = SegmentationRenorm(4, 3)
    scales = []
    with torch.autocast("cpu", torch.bfloat16), pytest.MonkeyPatch.context() as patch:
        patch.setattr(renorm, "instance_norm", lambda values, scale, shift: scales.extend([scale, shift]))
        renormalized(layer, features, torch.ones(2, 3))
    assert [scale.dtype for scale in scales] == [torch.float32, torch.float32]

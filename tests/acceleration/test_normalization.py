"""Instance normalization and renormalization in fewer kernels."""

import pytest
import torch
import torch.nn.functional as F
from every_network import EMBEDDING, assert_same, network, random, results
from torch import nn

from benchmark.acceleration import accelerate, normalization
from benchmark.acceleration.normalization import FoldedRenorm, instance_norm, modulations
from benchmark.networks.renormalization import SegmentationRenorm


@pytest.mark.parametrize("shape", [(1, 1, 1, 2), (3, 5, 6, 4), (4, 2, 7, 9)])
def test_results_and_gradients_are_those_of_pytorchs_norm(shape):
    features = 3 * random(*shape) - 2
    expected = results(F.instance_norm, features)
    assert_same(results(instance_norm, features), expected)
    assert_same(results(accelerate(nn.InstanceNorm2d(shape[1])), features), expected)


def test_scales_and_shifts_are_of_each_sample():
    given = random(3, 5, 6, 4), random(3, 5, seed=1), random(3, 5, seed=2)

    def plain(features, scale, shift):
        return scale[..., None, None] * F.instance_norm(features) + shift[..., None, None]

    assert_same(results(instance_norm, *given), results(plain, *given))


def test_the_memory_layout_does_not_matter():
    features = random(2, 3, 4, 5)
    interleaved = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(instance_norm(interleaved), instance_norm(features))


@pytest.mark.parametrize("samples", [1, 4])
def test_a_single_pixel_has_no_standard_deviation(samples):
    with pytest.raises(ValueError, match="more than 1"):
        instance_norm(torch.ones(samples, 3, 1, 1))


def test_in_bf16_statistics_and_scales_are_in_float32(monkeypatch):
    features = (10 + 0.3 * random(2, 4, 16, 16)).bfloat16()
    towards = random(2, 4, 16, 16, seed=1).bfloat16()

    def gradient(precision):
        images = features.to(precision).requires_grad_()
        instance_norm(images).backward(towards.to(precision))
        return images.grad.double()

    exact = gradient(torch.float64)
    # Rounded to bf16, each of its values is 2⁻⁸ of the largest off at most; with rounded statistics it is more.
    error = (gradient(torch.bfloat16) - exact).abs().max()
    assert error < 2**-8 * exact.abs().max()
    layer, scales = accelerate(SegmentationRenorm(4, 3)), []
    monkeypatch.setattr(normalization, "instance_norm", lambda values, scale, shift: scales.extend([scale, shift]))
    with torch.autocast("cpu", torch.bfloat16):
        layer(features, torch.ones(2, 3))
    assert [scale.dtype for scale in scales] == [torch.float32, torch.float32]


def test_modulations_of_all_layers_are_those_of_each():
    generator, embedding = accelerate(network("renormalized generator")), random(5, EMBEDDING)
    layers = [layer for layer in generator.modules() if isinstance(layer, FoldedRenorm)]
    found = modulations(generator, embedding)
    assert list(found) == layers
    assert len({layer.film.out_features for layer in layers}) > 3
    for layer in layers:
        torch.testing.assert_close(found[layer], layer.film(embedding))
        features = random(5, layer.film.out_features // 2, 3, 4)
        torch.testing.assert_close(layer(features, found), layer(features, embedding))

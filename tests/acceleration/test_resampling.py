"""Convolutions that halve or double a map give what PyTorch's layers give, whichever way they take."""

import pytest
import torch
from torch import nn

from benchmark.acceleration import resampling
from benchmark.acceleration.resampling import DoublingConv2d, HalvingConv2d


def results(layer, images):
    images = images.clone().requires_grad_()
    made = layer(images)
    made.square().sum().backward()
    return [made, images.grad, *(p.grad for p in layer.parameters())]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(2, 2), (2, 14), (2, 16), (18, 16)])
@pytest.mark.parametrize(("kind", "plain"), [(HalvingConv2d, nn.Conv2d), (DoublingConv2d, nn.ConvTranspose2d)])
def test_results_and_gradients_are_those_of_the_plain_layer(kind, plain, size, bias, monkeypatch):
    monkeypatch.setattr(resampling, "PRODUCTS", 2)  # of 3 × 5 channels, maps of up to 7 pixels
    own = kind(3, 5, bias=bias).double()
    other = plain(3, 5, 4, stride=2, padding=1, bias=bias).double()
    other.load_state_dict(own.state_dict())
    images = torch.rand(2, 3, *size, dtype=torch.float64)
    unfolded = []
    for name in ("fold", "unfold"):
        way = getattr(resampling.F, name)
        monkeypatch.setattr(resampling.F, name, lambda *a, way=way, **k: unfolded.append(1) or way(*a, **k))
    for found, expected in zip(results(own, images), results(other, images), strict=True):
        torch.testing.assert_close(found, expected)
    small = size[0] * size[1] // (4 if kind is HalvingConv2d else 1)
    assert bool(unfolded) == (small <= 7)

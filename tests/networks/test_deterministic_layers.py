"""Layers that replace PyTorch's because theirs are not deterministic on GPUs."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from benchmark.networks.deterministic import ReflectConv2d, adaptive_average, reflect


@pytest.mark.parametrize(("shape", "by"), [((2, 3, 5, 6), 1), ((1, 2, 4, 9), 3), ((1, 1, 2, 2), 1)])
def test_reflection_is_pytorchs(shape, by):
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    assert torch.equal(reflect(images, by), F.pad(images, (by, by, by, by), mode="reflect"))


@pytest.mark.parametrize("kernel", [3, 7])
def test_a_map_that_is_too_small_is_refused(kernel, prepare):
    with pytest.raises(ValueError, match="cannot be reflected"):
        prepare(ReflectConv2d(1, 1, kernel))(torch.zeros(1, 1, kernel // 2, 8))


@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(9, 11), (8, 12)])
def test_convolution_is_pytorchs_with_the_same_parameters(size, bias, kernel, prepare):
    ours = prepare(ReflectConv2d(2, 3, kernel, bias=bias).double())
    theirs = torch.nn.Conv2d(2, 3, kernel, padding=kernel // 2, padding_mode="reflect", bias=bias).double()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn((2, 2, *size), generator=torch.Generator().manual_seed(0), dtype=torch.double)
    found, expected = (layer(images) for layer in (ours, theirs))
    torch.testing.assert_close(found, expected)
    weights = torch.linspace(-1, 2, found.numel(), dtype=torch.double).view_as(found)
    for made in (found, expected):
        (made * weights).sum().backward()
    for parameter, same in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(parameter.grad, same.grad)


@pytest.mark.parametrize("side", [1, 2, 7])
@pytest.mark.parametrize("size", [(4, 4), (7, 7), (16, 20), (5, 13), (1, 3)])
def test_average_is_pytorchs(size, side):
    features = torch.randn((2, 3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.double)
    torch.testing.assert_close(adaptive_average(features, side), F.adaptive_avg_pool2d(features, side))


def test_gradients():
    images = torch.randn((1, 2, 5, 6), dtype=torch.double, requires_grad=True)
    assert gradcheck(lambda x: reflect(x, 2), images)
    assert gradcheck(lambda x: adaptive_average(x, 7), images)

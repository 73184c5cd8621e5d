"""What is done to a small map in an enlarged one's stead gives what the enlarged map would give."""

import pytest
import torch
from torch import nn

from benchmark.acceleration import resampling
from benchmark.acceleration.resampling import LARGE, Doubled, UpsamplingConv, convolve, doubled, whole
from benchmark.networks.renormalization import modulations
from benchmark.networks.residual_block import RESIDUAL_BLOCKS, block_normalization


def results(work, *inputs, parameters=()):
    inputs = [values.clone().requires_grad_() for values in inputs]
    made = work(*inputs)
    for parameter in parameters:
        parameter.grad = None
    made.square().sum().backward()
    return [made, *(values.grad for values in inputs), *(parameter.grad.clone() for parameter in parameters)]


def maps(small, beside, size=(3, 5)):
    """One beside the other, or a small one alone."""
    random = torch.Generator().manual_seed(0)
    shapes = [(2, small, *size), (2, beside, 2 * size[0], 2 * size[1])][: 1 + bool(beside)]
    return [torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("beside", [2, 0])
def test_a_convolution(kernel, bias, beside):
    conv = nn.Conv2d(3 + beside, 4, kernel, padding=kernel // 2, bias=bias).double()
    parameters, inputs = list(conv.parameters()), maps(3, beside)
    found = results(lambda *given: convolve(conv, Doubled(*given)), *inputs, parameters=parameters)
    expected = results(lambda *given: conv(whole(Doubled(*given))), *inputs, parameters=parameters)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("order", ["paper", "reference"])
@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("out", [8, 3, 2])
@pytest.mark.parametrize("beside", [5, 0])
def test_a_residual_block(order, conditioned, out, beside):
    normalization = block_normalization(conditioned=conditioned, embedding_dim=3, order=order, gamma="reference")
    block = RESIDUAL_BLOCKS[order](3 + beside, out, normalization).double()
    parameters, inputs = list(block.parameters()), maps(3, beside)

    def made(features):
        return block(features, modulations(block, torch.ones(2, 3).double())) if conditioned else block(features)

    found = results(lambda *given: made(Doubled(*given)), *inputs, parameters=parameters)
    expected = results(lambda *given: made(whole(Doubled(*given))), *inputs, parameters=parameters)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("pixels", [LARGE - 1, LARGE])
def test_large_maps_of_a_cpu_are_left_as_they_are(pixels):
    small, large = torch.rand(2, 1, 1, pixels), torch.rand(2, 1, 2, 2 * pixels)
    maps = doubled(small, large)
    assert isinstance(maps, Doubled) == (pixels >= LARGE)
    torch.testing.assert_close(whole(maps), whole(Doubled(small, large)))


def test_on_a_cpu_the_enlarged_map_is_not_convolved(monkeypatch):
    sizes = []
    conv2d = resampling.F.conv2d
    monkeypatch.setattr(
        resampling.F, "conv2d", lambda values, *a, **k: sizes.append(values.shape[-2:]) or conv2d(values, *a, **k)
    )
    UpsamplingConv(2, 1)(torch.rand(1, 2, 4, 4))
    convolve(nn.Conv2d(4, 1, 1), Doubled(torch.rand(1, 2, 4, 4), torch.rand(1, 2, 8, 8)))
    assert sizes == [(4, 4), (4, 4), (8, 8)]

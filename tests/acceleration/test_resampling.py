"""Convolutions that halve or double a map, and maps that are enlarged late, give what the plain layers give."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from every_network import assert_same, random, results
from torch import nn

from benchmark.acceleration import accelerate, resampling
from benchmark.acceleration.grouping import join
from benchmark.acceleration.resampling import LARGE, Doubled, convolve, doubled, enlarge_and_convolve, whole
from benchmark.networks.generator import enlarge
from benchmark.networks.residual_block import RESIDUAL_BLOCKS, block_normalization


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(2, 2), (2, 14), (2, 16), (18, 16)])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_small_maps_are_halved_and_doubled_by_products(kind, size, bias, monkeypatch):
    monkeypatch.setattr(resampling, "PRODUCTS", 2)  # of 3 × 5 channels, maps of up to 7 pixels
    plain = kind(3, 5, 4, stride=2, padding=1, bias=bias).double()
    fast, images = accelerate(deepcopy(plain)), random(2, 3, *size)
    expected, products = results(plain, images), []
    for name in ("fold", "unfold"):
        way = getattr(resampling.F, name)
        monkeypatch.setattr(resampling.F, name, lambda *a, way=way, **k: products.append(1) or way(*a, **k))
    assert_same(results(fast, images), expected)
    small = size[0] * size[1] // (4 if kind is nn.Conv2d else 1)
    assert bool(products) == (small <= 7)


@pytest.mark.usefixtures("always")
def test_a_transposed_convolution_takes_an_output_size():
    plain = nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1)
    images = torch.rand(2, 3, 4, 4)
    assert torch.equal(accelerate(deepcopy(plain))(images, [9, 8]), plain(images, [9, 8]))


def maps(small, beside, size=(3, 5)):
    """One beside the other, or a small one alone."""
    shapes = [(2, small, *size), (2, beside, 2 * size[0], 2 * size[1])][: 1 + bool(beside)]
    return [random(*shape, seed=place) for place, shape in enumerate(shapes)]


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("beside", [2, 0])
def test_a_convolution_of_doubled_maps(kernel, bias, beside):
    conv, given = nn.Conv2d(3 + beside, 4, kernel, padding=kernel // 2, bias=bias).double(), maps(3, beside)
    found = results(lambda *parts: convolve(conv, Doubled(*parts)), *given, module=conv)
    assert_same(found, results(lambda *parts: conv(whole(Doubled(*parts))), *given, module=conv))


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 5, 4)])
def test_a_convolution_of_an_enlarged_map(shape):
    conv, small = nn.Conv2d(3, 2, 3, padding=1).double(), random(*shape)
    found = results(lambda features: enlarge_and_convolve(conv, features), small, module=conv)
    assert_same(found, results(lambda features: conv(enlarge(features)), small, module=conv))


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize("order", ["paper", "reference"])
@pytest.mark.parametrize("conditioned", [True, False])
@pytest.mark.parametrize("out", [8, 3, 2])
@pytest.mark.parametrize("beside", [5, 0])
def test_a_residual_block_of_doubled_maps(order, conditioned, out, beside):
    normalization = block_normalization(conditioned=conditioned, embedding_dim=3, order=order, gamma="reference")
    plain = RESIDUAL_BLOCKS[order](3 + beside, out, normalization).double()
    fast, given = accelerate(deepcopy(plain)), [*maps(3, beside), *([random(2, 3, seed=7)] if conditioned else [])]
    parts = 1 + bool(beside)
    found = results(lambda *all_: fast(Doubled(*all_[:parts]), *all_[parts:]), *given, module=fast)
    assert_same(found, results(lambda *all_: plain(whole(Doubled(*all_[:parts])), *all_[parts:]), *given, module=plain))


@pytest.mark.parametrize("pixels", [LARGE - 1, LARGE])
def test_only_large_maps_are_enlarged_late(pixels):
    small, beside = torch.rand(2, 1, 1, pixels), torch.rand(2, 1, 2, 2 * pixels)
    found = doubled(small, beside)
    assert isinstance(found, Doubled) == (pixels >= LARGE)
    torch.testing.assert_close(whole(found), torch.cat([enlarge(small), beside], dim=1))


def test_maps_of_fused_networks_and_of_gpus_are_enlarged_at_once():
    small, beside = torch.rand(2, 2, 1, LARGE), torch.rand(2, 4, 2, 2 * LARGE)
    assert torch.equal(doubled(small, beside, groups=2), join(enlarge(small), beside, 2))
    assert isinstance(doubled(small.to("meta"), beside.to("meta")), torch.Tensor)


def test_an_enlarged_map_is_not_convolved(monkeypatch):
    sizes = []
    conv2d = F.conv2d
    monkeypatch.setattr(
        resampling.F, "conv2d", lambda values, *a, **k: sizes.append(values.shape[-2:]) or conv2d(values, *a, **k)
    )
    enlarge_and_convolve(nn.Conv2d(2, 1, 3, padding=1), torch.rand(1, 2, 4, 4))
    convolve(nn.Conv2d(4, 1, 1), Doubled(torch.rand(1, 2, 4, 4), torch.rand(1, 2, 8, 8)))
    assert sizes == [(4, 4), (4, 4), (8, 8)]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (2, 3, 5, 4)])
def test_an_enlarged_map_is_convolved_by_winograds_way(shape, taken):
    enlarge_and_convolve(nn.Conv2d(3, 2, 3, padding=1), torch.rand(*shape))
    assert len(taken) == 1

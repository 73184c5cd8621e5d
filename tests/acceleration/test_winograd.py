"""Convolutions by Winograd's minimal filtering give what PyTorch's give, and are taken if that pays."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from fast_ways import WINOGRAD
from torch import nn

from benchmark.acceleration import accelerate, winograd
from benchmark.acceleration.fusion import Fused
from benchmark.acceleration.resampling import enlarge_and_convolve
from benchmark.acceleration.winograd import ENLARGED, PLAIN, conv3x3, convolved, pays
from benchmark.networks.deterministic import ReflectConv2d
from benchmark.networks.generator import ResUNetGenerator, enlarge


def maps(*shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)


def of_enlarged(small, weight):
    return convolved(small, weight, 1, ENLARGED)


def results(work, *inputs):
    inputs = [values.clone().requires_grad_() for values in inputs]
    made = work(*inputs)
    # Each result has a gradient of its own.
    weights = torch.linspace(-1, 2, made.numel(), dtype=torch.float64).view_as(made)
    return [made, *torch.autograd.grad((made.double() * weights).sum(), inputs)]


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("size", [(4, 2), (8, 6), (12, 16)])
def test_results_and_gradients_are_those_of_a_plain_convolution(size, padding, bias, taken):
    features = maps(2, 3, *(side + 2 - 2 * padding for side in size))
    given = [features, maps(5, 3, 3, 3), *([maps(5)] if bias else [])]
    found = results(lambda *all_: conv3x3(*all_, padding=padding), *given)
    assert taken == [winograd.PLAIN]
    assert_same(found, results(lambda *all_: F.conv2d(*all_, padding=padding), *given))


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 5), (8, 8)])
def test_of_an_enlarged_map_too(size):
    given = maps(2, 3, *size), maps(5, 3, 3, 3)
    found = results(of_enlarged, *given)
    assert_same(found, results(lambda small, weight: F.conv2d(enlarge(small), weight, padding=1), *given))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("size", [(5, 4), (6, 4), (4, 5), (2, 2)])
def test_sizes_that_windows_do_not_fill_are_convolved_plainly(size, taken):
    given = maps(2, 3, *size), maps(5, 3, 3, 3)
    torch.testing.assert_close(conv3x3(*given, padding=1), F.conv2d(*given, padding=1))
    assert taken == []


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("frozen", [0, 1])
def test_what_wants_no_gradient_gets_none_and_is_not_paid_for(frozen):
    given = [maps(2, 3, 8, 8), maps(5, 3, 3, 3)]
    given[1 - frozen].requires_grad_()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda values: kept.append(values) or values, lambda values: values):
        made = conv3x3(*given, padding=1)
    sums, kernels = (24, 2 * 2 * 4, 3), (24, 5, 3)
    assert [tuple(values.shape) for values in kept] == [kernels if frozen else sums]
    made.square().sum().backward()
    assert given[frozen].grad is None
    alone = given[1 - frozen].grad.clone()
    given[1 - frozen].grad = None
    F.conv2d(*given, padding=1).square().sum().backward()
    torch.testing.assert_close(alone, given[1 - frozen].grad)


@pytest.mark.usefixtures("always")
def test_maps_may_lie_in_memory_as_they_like():
    features, weight = maps(2, 3, 8, 6).to(memory_format=torch.channels_last), maps(5, 6, 3, 3)[:, 1:4]
    assert_same(
        results(lambda *all_: conv3x3(*all_, padding=1).transpose(2, 3), features, weight),
        results(lambda *all_: F.conv2d(*all_, padding=1).transpose(2, 3), features, weight),
    )


@pytest.mark.usefixtures("always")
def test_gradients_of_gradients_are_refused():
    features, weight = maps(2, 3, 4, 4).requires_grad_(), maps(5, 3, 3, 3)
    made = conv3x3(features, weight, padding=1).square().sum()
    (gradient,) = torch.autograd.grad(made, features, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.usefixtures("always")
def test_what_pytorch_refuses_is_refused_by_pytorch():
    features, weight = maps(2, 4, 4, 4), maps(5, 3, 3, 3)
    with pytest.raises(RuntimeError) as own:
        conv3x3(features, weight, padding=1)
    with pytest.raises(RuntimeError) as theirs:
        F.conv2d(features, weight, padding=1)
    assert str(own.value) == str(theirs.value)


@pytest.mark.usefixtures("always")
def test_no_map_and_a_map_alone_are_as_pytorch_has_them():
    weight = maps(5, 3, 3, 3)
    assert conv3x3(maps(0, 3, 4, 4), weight, padding=1).shape == (0, 5, 4, 4)
    assert conv3x3(maps(3, 4, 4), weight, padding=1).shape == (5, 4, 4)


@pytest.mark.parametrize("way", [PLAIN, ENLARGED], ids=WINOGRAD)
def test_bf16_holds_what_pixels_and_results_are_multiplied_by(way):
    pixels, _, results = way.matrices
    for matrix in (pixels, results):
        torch.testing.assert_close(matrix.bfloat16().to(matrix), matrix, rtol=0, atol=0)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("enlarged", [True, False])
def test_in_bf16_results_and_gradients_are_off_by_a_hundredth(enlarged):
    def own(small, weight):
        with torch.autocast("cpu", torch.bfloat16):
            return of_enlarged(small, weight) if enlarged else conv3x3(small, weight, padding=1)

    def plainly(small, weight):
        return F.conv2d(enlarge(small) if enlarged else small, weight, padding=1)

    given = maps(2, 64, 16, 16, dtype=torch.float32), maps(64, 64, 3, 3, dtype=torch.float32)
    found, expected = results(own, *given), results(plainly, *(values.double() for values in given))
    assert [values.dtype for values in found] == [torch.bfloat16, torch.float32, torch.float32]
    for one, other in zip(found, expected, strict=True):
        assert 1e-4 < (one.double() - other).std() / other.std() < 0.011


@pytest.mark.usefixtures("always")
def test_autocast_has_its_way_with_results_and_not_with_gradients(taken):
    layer = accelerate(nn.Conv2d(4, 4, 3, padding=1))
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(maps(1, 4, 4, 4, dtype=torch.float32)).dtype == torch.bfloat16
        assert layer.double()(maps(1, 4, 4, 4)).dtype == torch.float64
    assert len(taken) == 2
    layer.float().zero_grad()
    made = layer(maps(1, 4, 4, 4, dtype=torch.float32)).square().sum()
    (expected,) = torch.autograd.grad(made, [layer.weight], retain_graph=True)
    with torch.autocast("cpu", torch.bfloat16):
        (found,) = torch.autograd.grad(made, [layer.weight])
    assert torch.equal(found, expected)


@pytest.mark.usefixtures("always")
def test_inference_gives_the_same_bits():
    given = maps(2, 8, 8, 8, dtype=torch.float32), maps(8, 8, 3, 3, dtype=torch.float32)
    trained = conv3x3(given[0], given[1].requires_grad_(), padding=1)
    with torch.inference_mode():
        assert torch.equal(conv3x3(*given, padding=1), trained)


@pytest.mark.parametrize(
    ("way", "in_channels", "out_channels", "size", "expected"),
    [
        (PLAIN, 128, 128, (32, 32), True),
        (PLAIN, 64, 256, (32, 32), True),
        (PLAIN, 64, 128, (64, 64), False),
        (PLAIN, 256, 256, (16, 16), True),
        (PLAIN, 512, 128, (16, 16), True),
        (PLAIN, 128, 128, (16, 16), False),
        (PLAIN, 512, 512, (8, 8), False),
        (PLAIN, 1024, 1024, (8, 8), True),
        (PLAIN, 512, 512, (18, 16), False),
        (ENLARGED, 128, 128, (2, 2), True),
        (ENLARGED, 128, 64, (32, 32), False),
    ],
)
def test_it_pays_for_many_channels_and_pixels(way, in_channels, out_channels, size, expected, monkeypatch):
    features, weight = torch.empty(1, in_channels, *size), torch.empty(out_channels, in_channels, 3, 3)
    assert pays(way, features, weight) == expected
    assert not pays(way, features, weight[:, ::2])
    assert not pays(way, features.to("meta"), weight)
    monkeypatch.setenv("MKL_CBWR", "AVX2")
    assert pays(way, features, weight) == expected
    for products in ("COMPATIBLE", "COMPATIBLE,STRICT"):
        monkeypatch.setenv("MKL_CBWR", products)
        assert not pays(way, features, weight)


def test_layers_go_this_way_where_it_pays(taken):
    features, small = maps(1, 256, 32, 32, dtype=torch.float32), maps(1, 128, 8, 8, dtype=torch.float32)
    accelerate(nn.Conv2d(256, 128, 3, padding=1))(features)
    accelerate(ReflectConv2d(256, 128, 3))(features)
    enlarge_and_convolve(nn.Conv2d(128, 256, 3, padding=1), small)
    assert taken == [PLAIN, PLAIN, ENLARGED]
    accelerate(ReflectConv2d(256, 128, 7))(features)
    accelerate(nn.Conv2d(256, 128, 3, padding=1))(features[..., :8, :8])
    enlarge_and_convolve(nn.Conv2d(128, 64, 3, padding=1), small)
    assert len(taken) == 3


@pytest.mark.parametrize("way", [0, 10**9], ids=["this way", "plainly"])
@pytest.mark.parametrize("kernel", [3, 7])
def test_a_reflecting_layer_has_its_bias(way, kernel, monkeypatch):
    monkeypatch.setattr(winograd, "PLAIN", replace(PLAIN, channels=way, work=way))
    layer, features = accelerate(ReflectConv2d(3, 5, kernel).double()), maps(2, 3, 8, 8)
    torch.nn.init.normal_(layer.bias)
    padded = F.pad(features, 4 * [kernel // 2], mode="reflect")
    torch.testing.assert_close(layer(features), F.conv2d(padded, layer.weight, layer.bias))


@pytest.mark.usefixtures("always")
def test_fused_networks_do_not_go_this_way(taken):
    pair = [accelerate(ResUNetGenerator(2, conditioned=False).double()) for _ in range(2)]
    images = maps(2, 2, 64, 64)
    made = Fused(*pair)(images)
    assert taken == []
    alone = torch.cat([network(part) for network, part in zip(pair, images.chunk(2, dim=1), strict=True)], dim=1)
    assert taken != []
    torch.testing.assert_close(made, alone)

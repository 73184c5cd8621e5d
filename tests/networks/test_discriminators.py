"""The two patch discriminators."""

import pytest
import torch
from network_reference import conv, images, leaky, parameters, randomized, standardized
from torch import nn

from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70

WIDTH = 3


def converged(network):
    """Power iterations until the singular vectors no longer move: one each time a weight is read in training mode."""
    network.train()
    with torch.no_grad():
        for _ in range(200):
            for layer in (0, 2, 4):
                network.layers[layer].weight  # noqa: B018
    return network.eval()


@pytest.mark.parametrize("in_channels", [1, 2])
def test_spectrally_normalized_forward_is_the_specification(in_channels, prepare):
    network = converged(prepare(randomized(PatchDiscriminator(WIDTH, in_channels=in_channels))))
    state = {f"layers.6.{key}": network.state_dict()[f"layers.6.{key}"] for key in ("weight", "bias")}
    for layer in (0, 2, 4):
        weight = network.state_dict()[f"layers.{layer}.parametrizations.weight.original"]
        largest = torch.linalg.svdvals(weight.flatten(1))[0]
        state[f"layers.{layer}.weight"] = weight / largest
        state[f"layers.{layer}.bias"] = network.state_dict()[f"layers.{layer}.bias"]
    h = x = images(2, in_channels, 40, 33)
    for layer, stride in ((0, 2), (2, 2), (4, 1)):
        h = leaky(conv(state, f"layers.{layer}", h, stride, 1))
    torch.testing.assert_close(network(x), conv(state, "layers.6", h, 1, 1), rtol=1e-5, atol=1e-6)


def test_70_forward_is_the_specification(prepare):
    network = prepare(randomized(PatchDiscriminator70(WIDTH)))
    state, x = network.state_dict(), images(2, 1, 64, 70)
    h = leaky(conv(state, "layers.0", x, 2, 1))
    for layer, stride in ((2, 2), (5, 2), (8, 1)):
        h = leaky(standardized(conv(state, f"layers.{layer}", h, stride, 1)))
    torch.testing.assert_close(network(x), conv(state, "layers.11", h, 1, 1))


@pytest.mark.parametrize(("network", "side"), [(PatchDiscriminator, 34), (PatchDiscriminator70, 70)])
def test_receptive_field_by_gradient(network, side, prepare):
    discriminator = prepare(randomized(network(WIDTH)))
    for name, module in discriminator.layers.named_children():
        if isinstance(module, nn.InstanceNorm2d):  # its statistics see the whole map
            setattr(discriminator.layers, name, nn.Identity())
    x = images(1, 1, 160, 160).requires_grad_()
    scores = discriminator(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    for axis in (0, 1):
        seen = x.grad[0, 0].abs().sum(axis).nonzero().flatten()
        assert seen[-1] - seen[0] + 1 == len(seen) == side == network.receptive_field


@pytest.mark.parametrize(
    ("network", "size", "out"),
    [
        (PatchDiscriminator, (128, 128), (30, 30)),
        (PatchDiscriminator, (256, 256), (62, 62)),
        (PatchDiscriminator, (64, 80), (14, 18)),
        (PatchDiscriminator70, (256, 256), (30, 30)),
        (PatchDiscriminator70, (64, 80), (6, 8)),
    ],
)
def test_one_score_a_patch(network, size, out):
    with torch.device("meta"):
        assert network()(torch.empty(2, 1, *size)).shape == (2, 1, *out)


def test_parameter_counts_by_hand():
    w = 64
    convs = ((1, w), (w, 2 * w), (2 * w, 4 * w))
    shared = sum(16 * i * o + o for i, o in convs)
    with torch.device("meta"):
        paper, official = parameters(PatchDiscriminator()), parameters(PatchDiscriminator70())
        pair = parameters(PatchDiscriminator(in_channels=2))
    assert paper == shared + 16 * 4 * w + 1
    assert round(paper / 1e6, 2) == 0.66
    assert pair == paper + 16 * w
    assert official == shared + 16 * 4 * w * 8 * w + 8 * w + 16 * 8 * w + 1


def test_only_the_last_convolution_goes_without_spectral_norm(prepare):
    network = converged(prepare(randomized(PatchDiscriminator(WIDTH))))
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.mul_(10)
    norms = [
        torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item()
        for layer in network.layers
        if isinstance(layer, nn.Conv2d)
    ]
    assert norms[:3] == pytest.approx([1, 1, 1], abs=1e-4)
    assert norms[3] > 2


def test_the_spectral_norm_is_not_taken_in_half_precision(prepare, monkeypatch):
    network, where = prepare(PatchDiscriminator(WIDTH)).train(), []
    kind = type(network.layers[0].parametrizations.weight[0])
    forward = kind.forward
    monkeypatch.setattr(
        kind, "forward", lambda self, w: where.append(torch.is_autocast_enabled("cpu")) or forward(self, w)
    )
    with torch.autocast("cpu", torch.bfloat16):
        scores = network(images(2, 1, 16, 16).float())
    assert where == [False] * 3  # once a layer: one power iteration
    assert scores.dtype == torch.bfloat16

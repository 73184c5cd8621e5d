"""The residual U-Net generator, both blocks, both scales, renormalized and plain."""

import itertools

import pytest
import torch
from network_reference import (
    batch_norm,
    conv,
    doubled,
    images,
    leaky,
    linear,
    parameters,
    randomized,
    relu,
    standardized,
)

from benchmark.networks.generator import ResUNetGenerator

WIDTH, EMBEDDING = 2, 5
VARIANTS = ("paper", "reference")
SIZES = [(32, 48), (64, 32)]


class Specification:
    """The generator as the specification words it, on a state dict."""

    def __init__(self, state, *, order, gamma, training=False):
        self.state, self.order, self.gamma, self.training = state, order, gamma, training

    def norm(self, name, x, embedding):
        if embedding is None:
            if self.order == "paper":
                return batch_norm(self.state, name, x, training=self.training)
            return standardized(x)
        gamma, beta = linear(self.state, f"{name}.film", embedding).split(x.shape[1], dim=1)
        scale = gamma if self.gamma == "paper" else 1 + gamma
        return scale[..., None, None] * standardized(x) + beta[..., None, None]

    def block(self, name, x, e):
        projects = f"{name}.shortcut_conv.weight" in self.state
        shortcut = x
        if self.order == "reference":
            h = conv(self.state, f"{name}.conv1", leaky(self.norm(f"{name}.norm1", x, e)), padding=1)
            h = conv(self.state, f"{name}.conv2", leaky(self.norm(f"{name}.norm2", h, e)), padding=1)
            if projects:
                shortcut = conv(self.state, f"{name}.shortcut_conv", self.norm(f"{name}.shortcut_norm", x, e))
        else:
            h = relu(self.norm(f"{name}.norm1", conv(self.state, f"{name}.conv1", x, padding=1), e))
            h = relu(self.norm(f"{name}.norm2", conv(self.state, f"{name}.conv2", h, padding=1), e))
            if projects:
                shortcut = self.norm(f"{name}.shortcut_norm", conv(self.state, f"{name}.shortcut_conv", x), e)
        return h + shortcut

    def __call__(self, x, e=None):
        state = self.state
        h = relu(conv(state, "stem", x, stride=2, padding=1))
        half = self.block("encoder.0", h, e)
        quarter = self.block("encoder.1", conv(state, "downsample.0", half, 2, 1), e)
        eighth = self.block("encoder.2", conv(state, "downsample.1", quarter, 2, 1), e)
        h = self.block("bottleneck", conv(state, "downsample.2", eighth, 2, 1), e)
        h = self.block("middle.1", self.block("middle.0", doubled(h), e), e)
        h = doubled(self.block("decoder.0", torch.cat([h, eighth], 1), e))
        h = doubled(self.block("decoder.1", torch.cat([h, quarter], 1), e))
        h = doubled(self.block("decoder.2", torch.cat([h, half], 1), e))
        return torch.tanh(conv(state, "head", leaky(h), padding=1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("order", "gamma"), list(itertools.product(VARIANTS, VARIANTS)))
def test_renormalized_forward_is_the_specification(order, gamma, size, prepare):
    network = ResUNetGenerator(WIDTH, conditioned=True, embedding_dim=EMBEDDING, order=order, gamma=gamma)
    network = prepare(randomized(network))
    x, e = images(2, 1, *size), images(2, EMBEDDING, seed=2)
    expected = Specification(network.state_dict(), order=order, gamma=gamma)(x, e)
    assert expected.std() > 0.01
    torch.testing.assert_close(network(x, e), expected)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("order", "training"), [("reference", True), ("paper", True), ("paper", False)])
def test_plain_forward_is_the_specification(order, training, size, prepare):
    network = prepare(randomized(ResUNetGenerator(WIDTH, conditioned=False, order=order))).train(training)
    x = images(2, 1, *size)
    expected = Specification(network.state_dict(), order=order, gamma=None, training=training)(x)
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize(
    ("conditioned", "order", "alone"),
    [(True, "reference", True), (True, "paper", True), (False, "reference", True), (False, "paper", False)],
)
def test_a_sample_depends_on_its_batch_only_under_batch_norm(conditioned, order, alone, prepare):
    network = ResUNetGenerator(WIDTH, conditioned=conditioned, embedding_dim=EMBEDDING, order=order)
    network = prepare(randomized(network)).train()
    inputs = (images(2, 1, 32, 32), images(2, EMBEDDING, seed=2))[: 1 + conditioned]
    same = torch.allclose(network(*inputs)[:1], network(*(i[:1] for i in inputs)))
    assert same is alone


@pytest.mark.parametrize("width", [3, 64])
@pytest.mark.parametrize("embedding", [512, 24])
def test_parameter_count_by_hand(width, embedding):
    def renorm(c):
        return 2 * (embedding + 1) * c

    def block(i, o):
        m = min(i, o)
        body = renorm(i) + 9 * i * m + m + renorm(m) + 9 * m * o + o
        return body if i == o else body + renorm(i) + i * o

    w = width
    stem, head = 16 * w + w, 9 * w + 1
    downsampling = sum(16 * c * c + c for c in (2 * w, 4 * w, 8 * w))
    pairs = [(1, 2), (2, 4), (4, 8), (8, 8), (8, 8), (8, 8), (16, 4), (8, 2), (4, 1)]
    expected = stem + head + downsampling + sum(block(i * w, o * w) for i, o in pairs)
    with torch.device("meta"):
        counted = parameters(ResUNetGenerator(width, conditioned=True, embedding_dim=embedding))
        plain = parameters(ResUNetGenerator(width, conditioned=False))
    assert counted == expected
    assert plain == expected - renorm(132 * w)
    if (width, embedding) == (64, 512):
        assert round(counted / 1e6, 1) == 35.0


def test_paper_size_in_and_out():
    with torch.device("meta"):
        network = ResUNetGenerator(conditioned=True)
        assert network(torch.empty(2, 1, 256, 128), torch.empty(2, 512)).shape == (2, 1, 256, 128)


def test_images_stay_in_range_and_change_with_the_embedding(prepare):
    network = prepare(randomized(ResUNetGenerator(WIDTH, conditioned=True, embedding_dim=EMBEDDING)))
    x, e = images(1, 1, 32, 32), images(1, EMBEDDING, seed=2)
    first, second = network(x, e), network(x, -e)
    assert first.abs().max() <= 1
    assert not torch.allclose(first, second)

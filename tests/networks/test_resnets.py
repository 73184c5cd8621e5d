"""The ResNet generator and the multitask autoencoder, which share their layers."""

import pytest
import torch
import torch.nn.functional as F
from network_reference import (
    adaptive_mean,
    batch_norm,
    conv,
    images,
    leaky,
    linear,
    parameters,
    randomized,
    relu,
    standardized,
    transposed,
)
from torch import nn

from benchmark.networks.autoencoder import MultitaskAutoencoder
from benchmark.networks.resnet import ResNet9Generator

WIDTH = 2


def reflected(x, by):
    rows = [*range(by, 0, -1), *range(x.shape[2]), *range(x.shape[2] - 2, x.shape[2] - 2 - by, -1)]
    columns = [*range(by, 0, -1), *range(x.shape[3]), *range(x.shape[3] - 2, x.shape[3] - 2 - by, -1)]
    return x[:, :, rows][..., columns]


def encoded(state, x, blocks, norm):
    """c7s1-w, d2w, d4w, R4w…; ``norm(name, x)``. Convolutions are modules 0, 3, 6 and the blocks follow from 9."""
    x = relu(norm("encoder.1", conv(state, "encoder.0", reflected(x, 3))))
    x = relu(norm("encoder.4", conv(state, "encoder.3", x, 2, 1)))
    x = relu(norm("encoder.7", conv(state, "encoder.6", x, 2, 1)))
    for block in range(9, 9 + blocks):
        name = f"encoder.{block}.body"
        h = relu(norm(f"{name}.1", conv(state, f"{name}.0", reflected(x, 1))))
        x = x + norm(f"{name}.4", conv(state, f"{name}.3", reflected(h, 1)))
    return x


def decoded(state, x, norm):
    x = relu(norm("decoder.1", transposed(state, "decoder.0", x, output_padding=1)))
    x = relu(norm("decoder.4", transposed(state, "decoder.3", x, output_padding=1)))
    return torch.tanh(conv(state, "decoder.6", reflected(x, 3)))


def test_reflection_of_the_test_is_the_usual_one():
    x = images(1, 2, 5, 6)
    torch.testing.assert_close(reflected(x, 3), F.pad(x, (3, 3, 3, 3), mode="reflect"))


def test_resnet9_forward_is_the_specification(prepare):
    network = prepare(randomized(ResNet9Generator(WIDTH)))
    state, x = network.state_dict(), images(2, 1, 16, 20)

    def norm(_, h):
        return standardized(h)

    torch.testing.assert_close(network(x), decoded(state, encoded(state, x, 9, norm), norm))


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(16, 20), (12, 12)])
def test_autoencoder_forward_is_the_specification(training, size, variant, prepare):
    network = prepare(randomized(MultitaskAutoencoder(WIDTH, variant=variant))).train(training)
    for module in network.classifier:  # dropout has its own test
        module.train(training and not isinstance(module, nn.Dropout))
    state, x = {k: v.clone() for k, v in network.state_dict().items()}, images(3, 1, *size)

    def norm(name, h):
        return batch_norm(state, name, h, training=training)

    bottleneck = encoded(state, x, 6, norm)
    features = adaptive_mean(bottleneck, 2).flatten(1)
    hidden = leaky(linear(state, "classifier.0", features))
    if variant == "reference":
        hidden = leaky(linear(state, "classifier.3", hidden))
    logit = linear(state, "classifier.3" if variant == "paper" else "classifier.6", hidden)
    output = network(x)
    torch.testing.assert_close(output.reconstruction, decoded(state, bottleneck, norm))
    torch.testing.assert_close(output.domain_logit, logit[:, 0])
    torch.testing.assert_close(network.features(x), features)


@pytest.mark.parametrize(("variant", "after"), [("paper", 3), ("reference", 3), ("reference", 6)])
def test_autoencoder_drops_half_of_each_hidden_layer_of_its_head_in_training(variant, after, prepare):
    network = prepare(randomized(MultitaskAutoencoder(4, variant=variant))).train()
    hidden = []
    network.classifier[after].register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0]))
    torch.manual_seed(0)
    network(images(40, 1, 8, 8))
    assert 0.45 < (hidden[0] == 0).double().mean() < 0.55
    network.eval()(images(2, 1, 8, 8))
    assert (hidden[1] != 0).all()


def residual_blocks(count, channels, bias, affine):
    return count * 2 * (9 * channels**2 + bias * channels + affine * 2 * channels)


def test_resnet9_parameter_count_by_hand():
    w = 64
    down = 49 * w + w + 9 * w * 2 * w + 2 * w + 9 * 2 * w * 4 * w + 4 * w
    up = 9 * 4 * w * 2 * w + 2 * w + 9 * 2 * w * w + w + 49 * w + 1
    with torch.device("meta"):
        network = ResNet9Generator()
        counted = parameters(network)
        assert network(torch.empty(1, 1, 128, 256)).shape == (1, 1, 128, 256)
    assert counted == down + residual_blocks(9, 4 * w, 1, 0) + up
    # The official count for three channels in and out is 11.378 M (its README); two fewer on both ends here.
    assert counted + 2 * (2 * 49 * w) + 2 == 11_378_179


def test_autoencoder_parameter_count_by_hand_and_feature_length():
    w = 64
    down = 49 * w + 2 * w + 9 * w * 2 * w + 4 * w + 9 * 2 * w * 4 * w + 8 * w
    up = 9 * 4 * w * 2 * w + 4 * w + 9 * 2 * w * w + 2 * w + 49 * w + 1
    head = 1024 * 1024 + 1024 + 1024 + 1
    with torch.device("meta"):
        network = MultitaskAutoencoder()
        assert parameters(network) == down + residual_blocks(6, 4 * w, 0, 1) + up + head
        assert parameters(MultitaskAutoencoder(variant="reference")) == parameters(network) + 1024 * 1024 + 1024
        for size in (128, 256):
            x = torch.empty(2, 1, size, size)
            assert network.features(x).shape == (2, network.feature_dim) == (2, 1024)
            assert [tuple(t.shape) for t in network(x)] == [(2, 1, size, size), (2,)]

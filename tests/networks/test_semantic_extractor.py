"""The semantic extractor and its two ways of pooling."""

import pytest
import torch
import torch.nn.functional as F
from network_reference import adaptive_mean, conv, images, linear, parameters, randomized, relu

from benchmark.networks.semantic_extractor import SemanticExtractor

CLASSES, WIDTH, EMBEDDING = 3, 2, 6


@pytest.fixture(name="extractor")
def _extractor(prepare):
    return lambda **options: prepare(
        randomized(SemanticExtractor(CLASSES, width=WIDTH, embedding_dim=EMBEDDING, **options))
    )


def max_2(x):
    x = x[..., : x.shape[-2] // 2 * 2, : x.shape[-1] // 2 * 2]
    rows = torch.maximum(x[..., ::2, :], x[..., 1::2, :])
    return torch.maximum(rows[..., ::2], rows[..., 1::2])


def average_2_4(x):
    x = F.pad(x, (0, 3, 0, 3))[..., : (x.shape[-2] - 2) // 4 * 4 + 2, : (x.shape[-1] - 2) // 4 * 4 + 2]
    return sum(x[..., i::4, j::4] for i in (0, 1) for j in (0, 1)) / 4


def average_1_2(x):
    return x[..., ::2, ::2]


def specification(state, x, pool):
    for i in range(4):
        x = relu(pool(conv(state, f"convs.{i}", x, padding=1)))
    pooled = adaptive_mean(x, 7)
    assert pooled.shape[1:] == (8 * WIDTH, 7, 7)
    return linear(state, "linear2", relu(linear(state, "linear1", pooled.flatten(1))))


@pytest.mark.parametrize(
    ("pooling", "crop_size", "pool"),
    [("reference", 64, max_2), ("reference", 256, max_2), ("paper", 128, average_1_2), ("paper", 64, average_1_2)],
)
@pytest.mark.parametrize("size", [(64, 64), (65, 79), (17, 16), (128, 112)])
def test_forward_is_the_specification(pooling, crop_size, pool, size, extractor):
    network = extractor(pooling=pooling, crop_size=crop_size)
    x = images(2, CLASSES, *size)
    expected = specification(network.state_dict(), x, pool)
    assert expected.std() > 0.01
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("size", [(256, 256), (257, 270)])
def test_paper_pooling_at_256_is_the_average_of_2_at_every_fourth_pixel(size, extractor):
    network = extractor(pooling="paper", crop_size=256)
    x = images(2, CLASSES, *size)
    torch.testing.assert_close(network(x), specification(network.state_dict(), x, average_2_4))


def test_dropout_halves_one_layer_and_only_when_asked_for_in_training(extractor):
    network = extractor(crop_size=64)
    x = images(2, CLASSES, 64, 64)
    clean = network(x)
    torch.testing.assert_close(network(x, dropout=True), clean, rtol=0, atol=0)
    network.train()
    torch.testing.assert_close(network(x, dropout=False), clean, rtol=0, atol=0)

    masks = []
    network.linear2.register_forward_pre_hook(lambda _, inputs: masks.append(inputs[0]))
    network(x, dropout=False)
    torch.manual_seed(0)
    noisy = [network(x) for _ in range(100)]
    assert not torch.allclose(noisy[0], noisy[1])
    active = masks[0] > 0
    kept = torch.stack([mask[active] for mask in masks[1:]])
    ratio = kept / masks[0][active]
    torch.testing.assert_close(ratio[kept > 0], torch.full_like(ratio[kept > 0], 2.0))
    assert 0.4 < (kept > 0).double().mean() < 0.6


@pytest.mark.parametrize("classes", [2, 4])
def test_parameter_count_by_hand(classes):
    w = 64
    convs = sum(9 * i * o + o for i, o in ((classes, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w)))
    expected = convs + 49 * 8 * w * 512 + 512 + 512 * 512 + 512
    with torch.device("meta"):
        for pooling in ("paper", "reference"):
            assert parameters(SemanticExtractor(classes, crop_size=128, pooling=pooling)) == expected
        network = SemanticExtractor(classes, crop_size=128)
        assert network(torch.empty(2, classes, 128, 128)).shape == (2, 512)
    if classes == 4:
        assert round(expected / 1e6, 1) == 14.7

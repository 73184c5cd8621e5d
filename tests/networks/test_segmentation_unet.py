"""The segmentation U-Net at every depth."""

import pytest
import torch
from network_reference import conv, images, leaky, parameters, randomized, relu, standardized, transposed

from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.segmentation_unet import SegmentationUNet, unet_depth

CLASSES, WIDTH = 3, 2


def specification(state, x, depth):
    """Levels count from the image inwards; the decoder's modules are numbered from the inside out."""
    maps = [conv(state, "encoder.0", x, 2, 1)]
    for level in range(1, depth):
        h = conv(state, f"encoder.{level}.1", leaky(maps[-1]), 2, 1)
        maps.append(h if level == depth - 1 else standardized(h))
    h = maps[-1]
    for step in range(depth):
        level = depth - 1 - step
        if step > 0:
            h = torch.cat([h, maps[level]], dim=1)
        h = transposed(state, f"decoder.{step}.1", relu(h))
        if level > 0:
            h = standardized(h)
    return h


@pytest.mark.parametrize(
    ("depth", "size"), [(2, (8, 12)), (4, (64, 80)), (5, (32, 32)), (6, (64, 64)), (7, (128, 128))]
)
def test_forward_is_the_specification(depth, size, prepare):
    network = prepare(randomized(SegmentationUNet(CLASSES, depth=depth, width=WIDTH)))
    x = images(2, 1, *size)
    logits = network(x)
    assert logits.shape == (2, CLASSES, *size)
    torch.testing.assert_close(logits, specification(network.state_dict(), x, depth))


def test_outputs_are_logits_and_not_squashed(prepare):
    network = prepare(randomized(SegmentationUNet(CLASSES, depth=4, width=WIDTH)))
    with torch.no_grad():
        network.decoder[-1][1].bias.fill_(5.0)
    assert network(images(1, 1, 32, 32)).mean() > 3


@pytest.mark.parametrize("training", [True, False])
def test_whole_slices_of_other_sizes_run_after_training_on_crops(training, prepare):
    network = SegmentationUNet(CLASSES, depth=unet_depth(64, 64), width=WIDTH)
    network = prepare(randomized(network)).train(training)
    slices = images(2, 1, 91, 109)
    padded = pad_to_multiple(slices, network.required_multiple)
    assert padded.shape == (2, 1, 128, 128)
    logits = network(padded)
    torch.testing.assert_close(logits, specification(network.state_dict(), padded, 6))
    assert crop_back(logits, 91, 109).shape == (2, CLASSES, 91, 109)


@pytest.mark.parametrize(
    ("size", "depth"),
    [
        ((128, 128), 7),
        ((256, 256), 7),
        ((512, 512), 7),
        ((64, 64), 6),
        ((32, 64), 5),
        ((64, 80), 4),
        ((80, 64), 4),
        ((192, 256), 6),
        ((12, 20), 2),
    ],
)
def test_depth_is_what_the_crop_allows(size, depth):
    assert unet_depth(*size) == depth
    if depth <= 6:
        network = randomized(SegmentationUNet(CLASSES, depth=depth, width=1))
        assert network(images(1, 1, *size)).shape == (1, CLASSES, *size)


@pytest.mark.parametrize("size", [(63, 64), (64, 66), (2, 2)])
def test_crops_that_cannot_be_halved_twice_are_refused(size):
    with pytest.raises(ValueError, match=f"{size[0]}x{size[1]}"):
        unet_depth(*size)


def test_parameter_count_by_hand():
    w, classes = 64, 4
    stages = [(w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w), (8 * w, 8 * w), (8 * w, 8 * w), (8 * w, 8 * w)]
    down = sum(16 * i * o for i, o in stages)
    up = sum(16 * 2 * o * i for i, o in stages[:-1]) + 16 * 8 * w * 8 * w
    outermost = (16 * w + w) + (16 * 2 * w * classes + classes)
    innermost_bias = 8 * w
    with torch.device("meta"):
        network = SegmentationUNet(classes, depth=7)
        assert parameters(network) == down + up + outermost + innermost_bias
        assert network(torch.empty(2, 1, 256, 256)).shape == (2, classes, 256, 256)

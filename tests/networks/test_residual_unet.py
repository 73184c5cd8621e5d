"""The U-Net with residual blocks, as segmentation network and as generator."""

import pytest
import torch
from network_reference import batch_norm, conv, images, leaky, parameters, randomized, relu, standardized, transposed
from torch import nn

from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet, segmentation_network
from benchmark.networks.segmentation_unet import SegmentationUNet, unet_depth

CLASSES, WIDTH = 3, 2


def residual(state, name, x, order, training):
    if order == "reference":
        h = conv(state, f"{name}.conv1", leaky(standardized(x)), padding=1)
        return conv(state, f"{name}.conv2", leaky(standardized(h)), padding=1) + x
    h = relu(batch_norm(state, f"{name}.norm1", conv(state, f"{name}.conv1", x, padding=1), training=training))
    h = conv(state, f"{name}.conv2", h, padding=1)
    return relu(batch_norm(state, f"{name}.norm2", h, training=training)) + x


def specification(state, x, depth, order="reference", training=False):
    """Levels count from the image inwards; the decoder's modules are numbered from the inside out. No dropout."""
    maps = []
    for level in range(depth):
        x = residual(state, f"encoder.{level}.0", x, order, training)
        x = conv(state, f"encoder.{level}.1.1" if level else "encoder.0.1", leaky(x) if level else x, 2, 1)
        x = standardized(x) if 0 < level < depth - 1 else x
        maps.append(x)
    x = maps.pop()
    for step in range(depth):
        x = torch.cat([x, maps.pop()], dim=1) if step else x
        name = f"decoder.{step}.0.1" if step < depth - 3 else f"decoder.{step}.1"
        x = transposed(state, name, relu(x))
        x = standardized(x) if step < depth - 1 else x
    return x


def state_of(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


@pytest.mark.parametrize("order", ["reference", "paper"])
@pytest.mark.parametrize(("depth", "size"), [(2, (8, 12)), (4, (64, 80)), (5, (32, 32)), (7, (128, 128))])
def test_forward_is_the_specification(depth, size, order, prepare):
    network = prepare(randomized(ResidualUNet(CLASSES, depth=depth, width=WIDTH, order=order)))
    x = images(2, 1, *size)
    logits = network(x)
    assert logits.shape == (2, CLASSES, *size)
    torch.testing.assert_close(logits, specification(state_of(network), x, depth, order))


@pytest.mark.parametrize("order", ["reference", "paper"])
def test_forward_in_training_is_the_specification_but_for_dropout(order, prepare):
    network = prepare(randomized(ResidualUNet(CLASSES, depth=3, width=WIDTH, order=order))).train()
    state, x = state_of(network), images(2, 1, 16, 24)
    torch.testing.assert_close(network(x), specification(state, x, 3, order, training=True))


def test_the_generator_is_the_same_with_one_channel_between_minus_one_and_one(prepare):
    network = prepare(randomized(ReferenceResUNet(depth=5, width=WIDTH)))
    state = {key.removeprefix("unet."): value for key, value in network.state_dict().items()}
    x = images(2, 1, 32, 64)
    torch.testing.assert_close(network(x), torch.tanh(specification(state, x, 5)))


@pytest.mark.parametrize(
    ("crop", "levels"), [((128, 128), 4), ((256, 256), 4), ((64, 64), 3), ((16, 32), 1), ((8, 8), 0)]
)
def test_dropout_is_in_all_but_the_three_outermost_levels(crop, levels, prepare):
    network = prepare(randomized(ResidualUNet(CLASSES, depth=unet_depth(*crop), width=1))).train()
    dropouts, seen = [module for module in network.modules() if isinstance(module, nn.Dropout)], []
    for dropout in dropouts:
        dropout.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    network(images(1, 1, *crop))
    assert [before.shape[-1] for before, _ in seen] == [crop[1] // 2 ** (3 + n) for n in range(levels)][::-1]
    for before, after in seen:
        kept = after != 0
        assert torch.equal(after[kept], 2 * before[kept])
        assert 0.3 < kept.double().mean() < 0.7 or kept.numel() < 100
    network.eval()
    assert torch.equal(network(images(1, 1, *crop)), network(images(1, 1, *crop)))


@pytest.mark.parametrize("kind", ["segmentation network", "generator"])
@pytest.mark.parametrize("crop", [(64, 64), (32, 16)])
def test_whole_slices_of_other_sizes_run_after_training_on_crops(crop, kind, prepare):
    depth = unet_depth(*crop)
    made = ReferenceResUNet(depth=depth, width=1) if kind == "generator" else ResidualUNet(1, depth=depth, width=1)
    network = prepare(randomized(made))
    padded = pad_to_multiple(images(2, 1, 91, 109), network.required_multiple)
    assert network.required_multiple == 2**depth
    assert crop_back(network(padded), 91, 109).shape == (2, 1, 91, 109)


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (lambda: ResidualUNet(4, depth=7), 57_533_720),  # of the published code: four classes of IXI
        (lambda: ReferenceResUNet(depth=7), 57_527_573),  # its generator of CycleGAN, S-CycleGAN and SemGAN
    ],
)
def test_parameter_counts_are_those_of_the_published_networks(made, count):
    with torch.device("meta"):
        network = made()
        assert parameters(network) == count
        assert network(torch.empty(2, 1, 128, 128)).shape[-2:] == (128, 128)
        blocks = next(module for name, module in network.named_modules() if name.endswith("encoder"))
    # Two convolutions 3 x 3 of each map that is halved: of the image, and of w, 2w, 4w and three times 8w channels.
    of_blocks = sum(2 * (9 * c * c + c) for c in (1, 64, 128, 256, 512, 512, 512))
    assert sum(parameters(level[0]) for level in blocks) == of_blocks
    assert round(of_blocks / 1e6, 1) == 15.7


def test_either_kind_of_segmentation_network_can_be_asked_for():
    plain, residual = (segmentation_network(kind, CLASSES, depth=4, width=WIDTH) for kind in ("unet", "residual_unet"))
    assert type(plain) is SegmentationUNet
    assert type(residual) is ResidualUNet
    paper = segmentation_network("residual_unet", CLASSES, depth=4, width=WIDTH, order="paper")
    assert any(isinstance(module, nn.BatchNorm2d) for module in paper.modules())
    assert not any(isinstance(module, nn.BatchNorm2d) for module in residual.modules())

"""An accelerated network is the plain one in everything but time."""

from collections import Counter
from copy import deepcopy

import pytest
import torch
from every_network import (
    CLASSES,
    EMBEDDING,
    NETWORKS,
    WIDTH,
    assert_same,
    inputs,
    largest,
    network,
    random,
    results,
    root_mean_square,
)
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from benchmark.acceleration import accelerate, normalization, resampling, residual_unet, winograd
from benchmark.acceleration.normalization import FoldedInstanceNorm
from benchmark.acceleration.resampling import Doubled, DoublingConv2d, HalvingConv2d
from benchmark.acceleration.winograd import WinogradConv2d, WinogradReflectConv2d
from benchmark.networks.deterministic import ReflectConv2d
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.renormalization import SegmentationRenorm
from benchmark.networks.residual_block import PostNormResidualBlock, PreNormResidualBlock
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import SemanticExtractor
from benchmark.networks.twins import Twins

EVERY = pytest.mark.parametrize("name", NETWORKS)


def kinds(module):
    return [type(each) for each in module.modules()]


@EVERY
@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(("size", "training"), [(0, True), (1, False)])
def test_results_and_gradients_are_those_of_the_plain_network(name, size, training):
    plain, given = network(name).train(training), inputs(name, NETWORKS[name].sizes[size])
    fast = accelerate(deepcopy(plain))
    expected = results(plain, *given)
    assert expected["output 0"].std() > 1e-3
    assert_same(results(fast, *given), expected)


@EVERY
@pytest.mark.usefixtures("always")
def test_in_float32_they_differ_by_rounding(name):
    plain, given = network(name).eval(), inputs(name, NETWORKS[name].sizes[0])
    exact = results(plain, *given)
    plain, given = plain.float(), [values.float() for values in given]
    found, rounded = (results(each, *given) for each in (accelerate(deepcopy(plain)), plain))
    assert found["output 0"].dtype == torch.float32
    scale = largest(exact)
    for key, values in exact.items():
        own, usual = (root_mean_square(each[key] - values) for each in (found, rounded))
        assert own <= 10 * usual + 1e-5 * root_mean_square(values) + 1e-7 * scale[key], key


@EVERY
@pytest.mark.usefixtures("always")
def test_in_bf16_they_err_as_the_plain_network_does(name):
    plain, given = network(name).eval(), inputs(name, NETWORKS[name].sizes[0])
    exact = results(plain, *given)
    plain, given = plain.float(), [values.float() for values in given]
    with torch.autocast("cpu", torch.bfloat16):
        found, rounded = (results(each, *given) for each in (accelerate(deepcopy(plain)), plain))
    for kind, tolerance in (("output", 0.01), ("gradient", 0.1)):
        keys = [key for key in exact if key.startswith(kind)]
        own, usual, scale = (
            root_mean_square(torch.cat([values[key].double().flatten() for key in keys]))
            for values in ({k: found[k] - exact[k] for k in keys}, {k: rounded[k] - exact[k] for k in keys}, exact)
        )
        assert own <= 2 * usual + tolerance * scale, kind


@EVERY
def test_states_are_loaded_either_way(name):
    given = inputs(name, NETWORKS[name].sizes[0])
    plain, fast = network(name).eval(), accelerate(network(name, seed=1)).eval()
    assert list(fast.state_dict()) == list(plain.state_dict())
    fast.load_state_dict(plain.state_dict())
    assert_same(results(fast, *given), results(plain, *given))
    fast = accelerate(network(name, seed=2)).eval()
    plain.load_state_dict(fast.state_dict())
    assert_same(results(plain, *given), results(fast, *given))


@EVERY
def test_weights_are_drawn_alike(name):
    plain, fast = network(name), accelerate(network(name, seed=1))
    for made in (plain, fast):
        initialize_weights(made, torch.Generator().manual_seed(3))
    drawn = dict(fast.state_dict())
    for key, value in plain.state_dict().items():
        assert torch.equal(drawn[key], value) or "running" in key, key


@EVERY
def test_a_network_is_changed_in_place_and_once(name):
    made = network(name)
    before, parameters = kinds(made), [id(parameter) for parameter in made.parameters()]
    assert accelerate(made) is made
    after = kinds(made)
    assert after != before
    assert all(issubclass(new, old) for new, old in zip(after, before, strict=True))
    assert [id(parameter) for parameter in made.parameters()] == parameters  # an optimizer may have them already
    accelerate(made)
    accelerate(nn.ModuleList([made]))
    assert kinds(made) == after


# In a generator, encoder, bottleneck, middle and decoder have two convolutions 3×3 each in 3, 1, 2 and 3 blocks. If a
# block takes a doubled map, its first convolution has an enlarged one, and in two of these three also a part of another
# map beside it. The head has an enlarged map, too. Two maps side by side are normalized one by one, and the shortcut of
# a plain block has the normalization of the block, unless that comes after the convolutions.
GENERATOR = {"Winograd": 17, "Winograd, enlarged": 4, "halving": 4, "doubled maps": 3}
RENORMALIZED = GENERATOR | {"modulations": 1}


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("renormalized generator", RENORMALIZED | {"norms": 28}),
        ("renormalized generator, paper's order", RENORMALIZED | {"norms": 24}),
        ("renormalized generator, paper's gamma", RENORMALIZED | {"norms": 28}),
        ("renormalized generator, paper's order and gamma", RENORMALIZED | {"norms": 24}),
        ("plain generator", GENERATOR | {"norms": 20}),
        ("plain generator, paper's order", GENERATOR),
        ("ResNet9", {"Winograd": 18, "norms": 23}),
        ("autoencoder", {"Winograd": 12}),
        ("discriminator of Zhu et al.", {"halving": 3, "norms": 3}),
        ("U-Net", {"halving": 4, "doubling": 4, "norms": 5}),
        # A block before each halving has two convolutions and, in the published code's order, two norms.
        ("residual U-Net", {"halving": 4, "doubling": 4, "norms": 13, "Winograd": 8}),
        ("residual U-Net, paper's order", {"halving": 4, "doubling": 4, "norms": 5, "Winograd": 8}),
        ("residual U-Net as generator", {"halving": 4, "doubling": 4, "norms": 13, "Winograd": 8}),
    ],
)
def test_every_fast_way_is_taken(name, ways, taken, monkeypatch):
    made, given = network(name).eval(), inputs(name, NETWORKS[name].sizes[-1])
    counts = Counter()

    def count(module, function, way, counts_if=lambda made: True):
        own = getattr(module, function)

        def counted(*given, **options):
            made = own(*given, **options)
            counts[way] += bool(counts_if(made))
            return made

        monkeypatch.setattr(module, function, counted)

    count(resampling.F, "unfold", "halving")
    count(resampling.F, "fold", "doubling")
    count(residual_unet, "doubled", "doubled maps", lambda maps: isinstance(maps, Doubled))
    count(residual_unet, "modulations", "modulations")
    count(normalization, "instance_norm", "norms")
    made(*given)
    assert not taken
    assert not counts
    accelerate(made)(*given)
    counts.update({"Winograd": taken.count(winograd.PLAIN), "Winograd, enlarged": taken.count(winograd.ENLARGED)})
    assert +counts == Counter(ways)


def test_an_extractor_reads_maps_in_the_layout_that_pooling_is_fast_in():
    made, layouts = accelerate(network("extractor")), []
    for conv in made.convs:
        conv.register_forward_pre_hook(
            lambda _, given: layouts.append(given[0].is_contiguous(memory_format=torch.channels_last))
        )
    made(*inputs("extractor", (32, 48)))
    assert layouts == 4 * [True]


SUBCLASSED = {
    SegmentationUNet: lambda kind: kind(CLASSES, depth=4, width=WIDTH),
    ResidualUNet: lambda kind: kind(CLASSES, depth=4, width=WIDTH),
    ReferenceResUNet: lambda kind: kind(depth=4, width=WIDTH),
    SemanticExtractor: lambda kind: kind(CLASSES, crop_size=32, width=WIDTH, embedding_dim=EMBEDDING),
    ResUNetGenerator: lambda kind: kind(WIDTH, conditioned=False),
    PatchDiscriminator: lambda kind: kind(WIDTH),
    PatchDiscriminator70: lambda kind: kind(WIDTH),
    PreNormResidualBlock: lambda kind: kind(2, 3, nn.BatchNorm2d),
    PostNormResidualBlock: lambda kind: kind(2, 3, nn.BatchNorm2d),
    SegmentationRenorm: lambda kind: kind(3, EMBEDDING),
    ReflectConv2d: lambda kind: kind(2, 3, 3),
    nn.Conv2d: lambda kind: kind(2, 3, 3, padding=1),
    nn.ConvTranspose2d: lambda kind: kind(2, 3, 4, stride=2, padding=1),
    nn.InstanceNorm2d: lambda kind: kind(3),
    Twins: lambda kind: kind({"generator": PatchDiscriminator(WIDTH)}, {"generator": PatchDiscriminator(WIDTH)}),
}


@pytest.mark.parametrize("kind", SUBCLASSED)
def test_a_subclass_stays_because_it_may_compute_something_else(kind):
    class Other(kind):
        """Computes something else, as far as anyone can tell."""

    make = SUBCLASSED[kind]
    assert type(accelerate(make(Other))) is Other
    assert type(accelerate(make(kind))) is not kind


@pytest.mark.usefixtures("always")
def test_layers_of_a_subclass_are_accelerated(taken):
    class Squared(ResUNetGenerator):
        def forward(self, images, embedding=None):
            return super().forward(images, embedding).square()

    torch.manual_seed(0)
    plain, given = (
        Squared(WIDTH, conditioned=True, embedding_dim=EMBEDDING).double(),
        inputs("renormalized generator", (32, 48)),
    )
    expected = results(plain, *given)
    assert not taken
    assert_same(results(accelerate(plain), *given), expected)
    assert taken


def conv(kernel=3, channels=4, out=6, **options):
    return nn.Conv2d(channels, out, kernel, **{"padding": 1, **options})


def transposed(kernel=4, **options):
    return nn.ConvTranspose2d(4, 6, kernel, **{"stride": 2, "padding": 1, **options})


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (conv, WinogradConv2d),
        (lambda: conv(bias=False), WinogradConv2d),
        (lambda: conv(4, stride=2), HalvingConv2d),
        (lambda: conv(4, stride=2, bias=False), HalvingConv2d),
        (transposed, DoublingConv2d),
        (lambda: transposed(bias=False), DoublingConv2d),
        (lambda: nn.InstanceNorm2d(4), FoldedInstanceNorm),
        (lambda: ReflectConv2d(4, 6, 3), WinogradReflectConv2d),
        (lambda: ReflectConv2d(4, 6, 3, bias=False), WinogradReflectConv2d),
    ],
)
@pytest.mark.usefixtures("always")
def test_layers_that_fit_are_swapped(make, kind):
    torch.manual_seed(0)
    plain = make().double()
    fast = accelerate(deepcopy(plain))
    assert type(fast) is kind
    features = random(2, 4, 8, 12)
    assert_same(results(fast, features), results(plain, features))


@pytest.mark.parametrize(
    "make",
    [
        lambda: conv(1, padding=0),
        lambda: conv(5, padding=2),
        lambda: conv((3, 1), padding=(1, 0)),
        lambda: conv(padding=0),
        lambda: conv(padding="same"),
        lambda: conv(padding=2, dilation=2),
        lambda: conv(dilation=2),
        lambda: conv(stride=2),
        lambda: conv(stride=(1, 2)),
        lambda: conv(groups=2),
        lambda: conv(padding_mode="reflect"),
        lambda: conv(4),
        lambda: conv(4, stride=2, groups=2),
        lambda: conv(4, stride=2, padding=0),
        lambda: conv(4, stride=2, dilation=2),
        lambda: conv(4, stride=2, padding_mode="circular"),
        lambda: transposed(3),
        lambda: transposed(stride=1),
        lambda: transposed(padding=0),
        lambda: transposed(output_padding=1),
        lambda: transposed(groups=2),
        lambda: transposed(dilation=2),
        lambda: nn.InstanceNorm2d(4, affine=True),
        lambda: nn.InstanceNorm2d(4, track_running_stats=True),
        lambda: nn.InstanceNorm2d(4, eps=1e-3),
        lambda: nn.BatchNorm2d(4),
        lambda: nn.GroupNorm(2, 4),
        lambda: ReflectConv2d(4, 6, 7),
        lambda: spectral_norm(conv()),
        lambda: spectral_norm(conv(4, stride=2)),
    ],
)
@pytest.mark.usefixtures("always")
def test_layers_that_do_not_fit_stay(make):
    plain = make().double()
    before = kinds(plain)
    accelerate(nn.Sequential(plain))
    assert kinds(plain) == before


@pytest.mark.usefixtures("always")
def test_a_network_of_other_classes_is_accelerated_too(taken):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            block = PreNormResidualBlock(6, 4, nn.BatchNorm2d)
            self.body = nn.Sequential(conv(channels=1), nn.InstanceNorm2d(6), nn.ReLU(inplace=True), block)
            self.parts = nn.ModuleDict({"last": nn.Sequential(transposed(), nn.Sigmoid())})

        def forward(self, images):
            return self.parts["last"](self.body(images))

    torch.manual_seed(0)
    plain, images = Own().double(), random(2, 1, 8, 12)
    fast = accelerate(deepcopy(plain))
    expected = results(plain, images)
    assert not taken
    assert_same(results(fast, images), expected)
    assert len(taken) == 3

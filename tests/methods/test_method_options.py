"""Hyperparameters: the paper's values, and the switches between its text and its published code."""

from contextlib import suppress

import pytest
import torch
from two_scanners import context, training_set

from benchmark.methods.registry import create
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.renormalization import SegmentationRenorm
from benchmark.networks.residual_block import PostNormResidualBlock, PreNormResidualBlock
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.resnet import ResNet9Generator
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.runtime.errors import ConfigError, Diverged

# The table of switches: default, paper, reference.
SWITCHES = {
    "halved_adversarial": (True, True, False),
    "block": ("reference", "paper", "reference"),
    "power_iterations": (1, 1, 3),
    "lambda_seg_real": (1.0, 1.0, 0.5),
    "lambda_seg_translated": (1.0, 1.0, 0.05),
    "cross_entropy_divisor": ("pixels", "pixels", "weights"),
    "gamma": ("reference", "paper", "reference"),
    "extractor_pooling": ("reference", "paper", "reference"),
    "extractor_input": ("logits", "probabilities", "logits"),
}
ADVERSARIAL = ("cyclegan", "s_cyclegan", "semgan", "segrenorm")


def options(name, **given):
    return create(name, given).options


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_defaults_are_the_papers(name):
    found = options(name)
    assert (found.learning_rate_generators, found.learning_rate_discriminators) == (2e-4, 1e-4)
    assert (found.beta1, found.beta2, found.lambda_gan, found.lambda_cyc) == (0.5, 0.999, 1.0, 10.0)
    if name != "cyclegan":
        assert found.learning_rate_segmentors == 2e-4
    if name == "segrenorm":
        assert found.embedding_dim == 512


@pytest.mark.parametrize(("column", "given"), [(0, {}), (1, {"variant": "paper"}), (2, {"variant": "reference"})])
def test_a_variant_sets_the_whole_column(column, given):
    found = options("segrenorm", **given)
    assert {name: getattr(found, name) for name in SWITCHES} == {n: values[column] for n, values in SWITCHES.items()}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_given_switch_wins_over_the_variant(switch):
    _, paper, reference = SWITCHES[switch]
    found = options("segrenorm", **{"variant": "reference", switch: paper})
    others = {n: values[2] for n, values in SWITCHES.items() if n != switch}
    assert getattr(found, switch) == paper != reference
    assert {name: getattr(found, name) for name in others} == others


def test_the_official_cyclegan():
    official = options("cyclegan", official=True)
    assert (official.generator, official.discriminator) == ("cyclegan_resnet9", "patch70")
    assert (official.image_pool, official.lambda_identity, official.halved_adversarial) == (50, 5.0, False)
    assert options("cyclegan", official=True, image_pool=7).image_pool == 7
    plain = options("cyclegan")
    assert (plain.official, plain.generator, plain.image_pool, plain.lambda_identity) == (False, "plain_resunet", 0, 0)


def test_the_papers_cyclegan_is_the_official_one():
    assert options("cyclegan", variant="paper").generator == "cyclegan_resnet9"
    assert options("cyclegan", variant="paper", official=False).generator == "plain_resunet"
    assert options("cyclegan", variant="reference").generator == "reference_resunet"


@pytest.mark.parametrize("name", ["cyclegan", "s_cyclegan", "semgan"])
def test_the_published_baselines_have_a_generator_of_their_own(name):
    assert options(name).generator == "plain_resunet"
    assert options(name, variant="reference").generator == "reference_resunet"
    assert options(name, variant="reference", generator="plain_resunet").generator == "plain_resunet"
    if name != "cyclegan":
        assert options(name, variant="paper").generator == "plain_resunet"


@pytest.mark.parametrize("given", [{}, {"variant": "paper"}, {"variant": "reference"}])
def test_segmentation_networks_have_residual_blocks_in_both_columns(given):
    assert options("segrenorm", **given).segmentor == "residual_unet"
    assert options("segrenorm", **given, segmentor="unet").segmentor == "unet"


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("segrenorm", {"variant": "papre"}, "variant"),
        ("segrenorm", {"lambda_sec": 1}, "lambda_sec"),
        ("segrenorm", {"generator": "plain_resunet"}, "generator"),
        ("cyclegan", {"lambda_cyc": -1}, "lambda_cyc"),
        ("cyclegan", {"official": "no"}, "official"),
        ("semgan", {"semantic_dropout": 1.5}, "semantic_dropout"),
        ("histogram_matching", {"quantiles": 1}, "quantiles"),
        ("identity", {"quantiles": 10}, "quantiles"),
    ],
)
def test_an_option_out_of_bounds_or_unknown_is_named(name, given, said):
    with pytest.raises(ConfigError, match=said):
        create(name, given)


def networks(name, **given):
    method = create(name, given)
    return method.domain_networks(training_set().task, 4)


def kinds(network):
    return {type(module) for module in network.modules()}


def test_what_the_switches_build():
    paper, reference = networks("segrenorm", variant="paper"), networks("segrenorm", variant="reference")
    assert PostNormResidualBlock in kinds(paper["generator"])
    assert PreNormResidualBlock in kinds(reference["generator"])
    assert isinstance(paper["extractor"].pool, torch.nn.AvgPool2d)
    assert isinstance(reference["extractor"].pool, torch.nn.MaxPool2d)
    for built, block in ((paper, PostNormResidualBlock), (reference, PreNormResidualBlock)):
        assert isinstance(built["segmentor"], ResidualUNet)
        assert block in kinds(built["segmentor"])
    assert type(networks("segrenorm", segmentor="unet")["segmentor"]) is SegmentationUNet
    for built, iterations in ((paper, 1), (reference, 3)):
        norms = [m for m in built["discriminator"].modules() if hasattr(m, "n_power_iterations")]
        assert [norm.n_power_iterations for norm in norms] == 3 * [iterations]
    for built, offset in ((paper, 0.0), (reference, 1.0)):
        norms = [m for m in built["generator"].modules() if isinstance(m, SegmentationRenorm)]
        assert norms
        assert {norm.offset for norm in norms} == {offset}


def test_baselines_differ_from_the_proposed_in_the_normalization_alone():
    plain, proposed = networks("s_cyclegan")["generator"], networks("segrenorm", embedding_dim=8)["generator"]
    shared = {name: p.shape for name, p in proposed.named_parameters() if "film" not in name}
    assert {name: p.shape for name, p in plain.named_parameters()} == shared
    assert isinstance(plain, ResUNetGenerator)


def test_generators_and_discriminators_of_the_baselines():
    for name in ("cyclegan", "s_cyclegan", "semgan"):
        assert isinstance(networks(name, generator="cyclegan_resnet9")["generator"], ResNet9Generator)
        published = networks(name, generator="reference_resunet", block="paper")["generator"]
        assert isinstance(published, ReferenceResUNet)
        assert published.required_multiple == 32  # halves the crop as often as it can be halved
        assert PostNormResidualBlock in kinds(published)
        assert isinstance(networks(name)["discriminator"], PatchDiscriminator)
    assert isinstance(networks("cyclegan", official=True)["discriminator"], PatchDiscriminator70)


@pytest.mark.parametrize("reads", ["logits", "probabilities"])
def test_what_the_extractor_reads(reads):
    method = create("segrenorm", {"extractor_input": reads, "embedding_dim": 8})
    built = torch.nn.ModuleDict(method.domain_networks(training_set().task, 4)).eval()
    seen = []
    built["extractor"].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    logits = torch.randn(2, 4, 32, 32)
    method.generate(built, torch.zeros(2, 1, 32, 32), logits)
    expected = logits if reads == "logits" else logits.exp() / logits.exp().sum(1, keepdim=True)
    torch.testing.assert_close(seen[0], expected)


@pytest.mark.parametrize("crop", [(16, 16), (32, 16), (32, 32)], ids=str)
@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("cyclegan", {}),
        ("cyclegan", {"official": True}),
        ("cyclegan", {"generator": "cyclegan_resnet9"}),
        ("cyclegan", {"generator": "reference_resunet", "block": "paper"}),
        ("s_cyclegan", {}),
        ("s_cyclegan", {"variant": "reference"}),
        ("semgan", {"generator": "cyclegan_resnet9"}),
        ("segrenorm", {"variant": "paper"}),
        ("segrenorm", {"variant": "reference"}),
    ],
    ids=str,
)
def test_the_smallest_crop_is_what_a_training_takes(name, given, crop):
    train, method = training_set(crop=crop), create(name, given)
    shorter, longer = method.smallest_crop(train.task)
    if min(crop) >= shorter and max(crop) >= longer:
        with suppress(Diverged):  # one step comes to little
            method.fit(train, context(1, width=2))
    else:
        with pytest.raises((ValueError, RuntimeError)):
            method.fit(train, context(1, width=2))


def test_methods_without_networks_take_any_crop():
    assert create("identity", {}).smallest_crop(training_set().task) == (1, 1)

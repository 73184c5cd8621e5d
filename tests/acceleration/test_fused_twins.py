"""Both domains go through small networks at once, with the losses and gradients of one domain after the other."""

from copy import deepcopy

import pytest
import torch
from every_network import CLASSES, EMBEDDING, WIDTH, assert_same, random

from benchmark.acceleration import accelerate, fusion
from benchmark.acceleration.fusion import FusedTwins, can_be_fused
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.resnet import ResNet9Generator
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import SemanticExtractor
from benchmark.networks.twins import DOMAINS, Twins

SIDE, SAMPLES = 32, 2


def plain_roles(width=WIDTH, **options):
    return {
        "generator": ResUNetGenerator(width, conditioned=False, **options),
        "discriminator": PatchDiscriminator70(width),
    }


def renormalized_roles(width=WIDTH, **options):
    return {
        "generator": ResUNetGenerator(width, conditioned=True, embedding_dim=EMBEDDING, **options),
        "discriminator": PatchDiscriminator(width),
        "segmentor": SegmentationUNet(CLASSES, depth=4, width=width),
        "extractor": SemanticExtractor(CLASSES, crop_size=SIDE, width=width, embedding_dim=EMBEDDING),
    }


def published_roles(width=WIDTH):
    return {"generator": ReferenceResUNet(depth=3, width=width), "discriminator": PatchDiscriminator(width)}


def residual_roles():
    """With a depth that has no dropout: both domains at once draw in another order."""
    return renormalized_roles() | {"segmentor": ResidualUNet(CLASSES, depth=3, width=WIDTH)}


ROLES = {
    "plain": plain_roles,
    "renormalized": renormalized_roles,
    "published generator": published_roles,
    "renormalized, residual segmentor": residual_roles,
    "renormalized, paper's order and gamma": lambda: renormalized_roles(order="paper", gamma="paper"),
}


def twins(roles, precision=torch.float64):
    """Plain ones, whose weights let a signal through."""
    made = Twins(roles(), roles(), fusible=True).to(precision)
    initialize_weights(made, torch.Generator().manual_seed(0), 0.2)
    return made


def crops(precision=torch.float64):
    return {d: random(SAMPLES, 1, SIDE, SIDE, seed=place).to(precision).tanh() for place, d in enumerate(DOMAINS)}


def generate(networks, images, *, dropout):
    if "extractor" not in networks:
        return networks["generator"](images)
    return networks["generator"](images, networks["extractor"](networks["segmentor"](images), dropout=dropout))


def cycle_losses(now, crops):
    """By domain: there and back, and what the other domain's discriminator makes of it."""
    images = torch.cat([crops[domain] for domain in now.domains])
    translated = generate(now.here, images, dropout=True)
    reconstructed = generate(now.there, translated, dropout=False)
    scores = now.there["discriminator"](translated)
    each = (reconstructed - images).abs().mean((1, 2, 3)) + (scores - 1).square().mean((1, 2, 3))
    return {d: loss.mean() for d, loss in zip(now.domains, each.chunk(len(now.domains)), strict=True)}


def discriminator_losses(now, crops):
    images = torch.cat([crops[domain] for domain in now.domains])
    each = (now.here["discriminator"](images) - 1).square().mean((1, 2, 3))
    return {d: loss.mean() for d, loss in zip(now.domains, each.chunk(len(now.domains)), strict=True)}


def train(networks, crops, steps=2, enabled=False):
    """Losses, gradients, weights, statistics and the next random number of some steps, as a cycle method takes them."""
    torch.manual_seed(3)
    found, passes = {}, []
    for step in range(steps):
        for name, losses_of, training in (("cycle", cycle_losses, False), ("scores", discriminator_losses, True)):
            for domain in DOMAINS:
                networks[domain]["discriminator"].train(training).requires_grad_(training)
            networks.zero_grad(set_to_none=True)
            for now in networks.passes(crops["source"]):
                passes.append(now.domains)
                with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
                    losses = losses_of(now, crops)
                sum(losses.values()).backward()
                found |= {f"{name} {step} {domain}": loss.detach() for domain, loss in losses.items()}
            with torch.no_grad():
                for key, parameter in networks.named_parameters():
                    if parameter.grad is not None:
                        found[f"gradient of {key}, {name} {step}"] = parameter.grad
                        parameter -= 0.01 * parameter.grad
    return found | networks.state_dict() | {"next random number": torch.rand(())}, passes


@pytest.mark.parametrize("roles", ROLES)
def test_losses_and_gradients_are_those_of_one_domain_after_the_other(roles, monkeypatch):
    plain = twins(ROLES[roles])
    fused, large = accelerate(deepcopy(plain)), accelerate(deepcopy(plain))
    expected, passes = train(plain, crops())
    assert passes == 4 * [("source",), ("target",)]
    found, passes = train(fused, crops())
    assert passes == 4 * [DOMAINS]
    assert_same(found, expected)
    monkeypatch.setattr(fusion, "SMALL", 0)
    found, passes = train(large, crops())
    assert passes == 4 * [("source",), ("target",)]
    assert_same(found, expected)
    changes = [(expected[f"cycle 0 {d}"] - expected[f"cycle 1 {d}"]).abs() / expected[f"cycle 0 {d}"] for d in DOMAINS]
    assert min(changes) > 1e-3  # the networks did learn in between


@pytest.mark.parametrize("roles", ROLES)
def test_in_bf16_they_err_as_one_domain_after_the_other(roles, monkeypatch):
    plain = accelerate(twins(ROLES[roles], torch.float32))
    monkeypatch.setattr(fusion, "SMALL", 0)
    exact, _ = train(deepcopy(plain), crops(torch.float32), 1)
    alone, passes = train(deepcopy(plain), crops(torch.float32), 1, enabled=True)
    assert len(passes) == 4
    monkeypatch.undo()
    fused, passes = train(plain, crops(torch.float32), 1, enabled=True)
    assert len(passes) == 2
    for key in (f"{name} 0 {domain}" for name in ("cycle", "scores") for domain in DOMAINS):
        assert fused[key] != exact[key]
        error = (alone[key] - exact[key]).abs().item()
        assert fused[key].item() == pytest.approx(exact[key].item(), abs=2 * error + 0.01 * abs(exact[key].item()))


def test_a_first_look_without_gradients_does_not_matter():
    networks, batch = accelerate(twins(renormalized_roles)).eval(), crops()
    expected = deepcopy(networks)
    expected.fusible = False
    for _ in range(2):
        for each in (networks, expected):
            each.zero_grad(set_to_none=True)
            for now in each.passes(batch["source"]):
                with torch.no_grad():
                    cycle_losses(now, batch)
                sum(cycle_losses(now, batch).values()).backward()
        gradients = ({name: p.grad for name, p in each.named_parameters()} for each in (networks, expected))
        assert_same(*gradients)
        with torch.no_grad():
            for parameter in (*networks.parameters(), *expected.parameters()):
                parameter.mul_(1.1)


def test_the_state_does_not_show_that_networks_are_fused():
    plain = twins(renormalized_roles)
    networks = accelerate(deepcopy(plain))
    assert type(networks) is FusedTwins
    assert all(can_be_fused(network) for domain in DOMAINS for network in networks[domain].values())
    (now,) = networks.passes(crops()["source"])
    sum(cycle_losses(now, crops()).values()).backward()
    assert list(networks.state_dict()) == list(plain.state_dict())
    assert [name for name, _ in networks.named_parameters()] == [name for name, _ in plain.named_parameters()]
    plain.load_state_dict(networks.state_dict())
    assert networks["source"]["generator"] is networks.source["generator"]
    assert now.here["generator"].required_multiple == networks["source"]["generator"].required_multiple


SIZES = [
    ((2, 1, 32, 32), 8, True),
    ((2, 1, 64, 64), 8, True),
    ((4, 1, 64, 64), 8, True),
    ((2, 1, 32, 32), 32, True),
    # Calls are not the cost:
    ((5, 1, 64, 64), 8, False),
    ((8, 1, 64, 64), 8, False),
    ((2, 1, 256, 64), 8, False),
    ((2, 1, 64, 256), 8, False),
    ((2, 1, 64, 64), 32, False),
    ((2, 1, 32, 32), 33, False),
    ((2, 1, 32, 32), 64, False),
    ((4, 1, 128, 128), 64, False),
]


@pytest.mark.parametrize(
    ("roles", "shape", "width", "fused"),
    [
        *((plain_roles, *size) for size in SIZES),
        *((roles, *SIZES[i]) for roles in (renormalized_roles, published_roles) for i in (1, 4, 9)),
    ],
)
def test_only_small_networks_are_fused(roles, shape, width, fused):
    with torch.device("meta"):
        networks = accelerate(Twins(roles(width), roles(width), fusible=True))
        passes = networks.passes(torch.empty(shape))
    assert [now.domains for now in passes] == ([DOMAINS] if fused else [("source",), ("target",)])


class OtherTwins(Twins):
    """May do something else."""


class OtherUNet(SegmentationUNet):
    """Too."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Twins(plain_roles(), plain_roles()),
        lambda: Twins(plain_roles(order="paper"), plain_roles(order="paper"), fusible=True),  # batch norm
        lambda: Twins(*({"generator": ResNet9Generator(WIDTH)} for _ in DOMAINS), fusible=True),
        lambda: Twins(
            *(plain_roles() | {"segmentor": OtherUNet(CLASSES, depth=4, width=WIDTH)} for _ in DOMAINS), fusible=True
        ),
        lambda: OtherTwins(plain_roles(), plain_roles(), fusible=True),
    ],
    ids=["not declared", "statistics", "ResNet9", "other network", "other twins"],
)
def test_only_what_is_declared_fusible_is_fused(make):
    assert len(accelerate(make()).passes(torch.empty(SAMPLES, 1, SIDE, SIDE))) == 2
    assert len(accelerate(Twins(plain_roles(), plain_roles(), fusible=True)).passes(torch.empty(1, 1, 32, 32))) == 1


def test_without_acceleration_nothing_is_fused():
    assert len(twins(plain_roles).passes(torch.empty(SAMPLES, 1, SIDE, SIDE))) == 2


def test_small_and_large_batches_may_take_turns():
    networks, large = accelerate(twins(plain_roles)), torch.empty(64, 1, 64, 64)
    sizes = [len(networks.passes(images)) for images in (large, crops()["source"], large, crops()["source"])]
    assert sizes == [2, 1, 2, 1]


def test_all_networks_are_accelerated():
    def kinds(network):
        return [type(module).__name__ for module in network.modules()]

    networks, alone = accelerate(twins(renormalized_roles)), renormalized_roles()
    before = {role: kinds(network) for role, network in alone.items()}
    for role, network in alone.items():
        assert kinds(networks["source"][role]) == kinds(networks["target"][role]) == kinds(accelerate(network))
        assert kinds(network) != before[role]

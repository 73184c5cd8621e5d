"""Every network that is accelerated, so small that a test takes no time, and what it computes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmark.networks.autoencoder import MultitaskAutoencoder
from benchmark.networks.discriminator import PatchDiscriminator, PatchDiscriminator70
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.residual_unet import ReferenceResUNet, ResidualUNet
from benchmark.networks.resnet import ResNet9Generator
from benchmark.networks.segmentation_unet import SegmentationUNet
from benchmark.networks.semantic_extractor import SemanticExtractor

Results = dict[str, Tensor]
SAMPLES, WIDTH, CLASSES, EMBEDDING = 2, 2, 3, 6


class Kind(NamedTuple):
    """How to make a network, and which inputs it takes."""

    make: Callable[[], nn.Module]
    channels: int = 1
    embedding: bool = False
    sizes: tuple[tuple[int, int], ...] = ((32, 48), (64, 32))


def _generator(**options) -> Kind:
    conditioned = options.pop("conditioned", True)
    return Kind(
        lambda: ResUNetGenerator(WIDTH, conditioned=conditioned, embedding_dim=EMBEDDING, **options),
        embedding=conditioned,
    )


def _extractor(crop_size: int = 64, **options) -> Kind:
    def make() -> nn.Module:
        return SemanticExtractor(CLASSES, crop_size=crop_size, width=WIDTH, embedding_dim=EMBEDDING, **options)

    large = ((256, 256), (257, 270))
    return Kind(make, CLASSES, sizes=large if crop_size == 256 else ((32, 48), (65, 31)))


NETWORKS = {
    "renormalized generator": _generator(),
    "renormalized generator, paper's order": _generator(order="paper"),
    "renormalized generator, paper's gamma": _generator(gamma="paper"),
    "renormalized generator, paper's order and gamma": _generator(order="paper", gamma="paper"),
    "plain generator": _generator(conditioned=False),
    "plain generator, paper's order": _generator(conditioned=False, order="paper"),
    "ResNet9": Kind(lambda: ResNet9Generator(WIDTH)),
    "discriminator": Kind(lambda: PatchDiscriminator(WIDTH), sizes=((32, 48), (33, 31))),
    "discriminator of pairs": Kind(lambda: PatchDiscriminator(WIDTH, in_channels=2), channels=2),
    "discriminator of Zhu et al.": Kind(lambda: PatchDiscriminator70(WIDTH), sizes=((32, 48), (45, 31))),
    "U-Net": Kind(lambda: SegmentationUNet(CLASSES, depth=4, width=WIDTH)),
    "residual U-Net": Kind(lambda: ResidualUNet(CLASSES, depth=4, width=WIDTH)),
    "residual U-Net, paper's order": Kind(lambda: ResidualUNet(CLASSES, depth=4, width=WIDTH, order="paper")),
    "residual U-Net as generator": Kind(lambda: ReferenceResUNet(depth=4, width=WIDTH)),
    "extractor": _extractor(),
    "extractor, paper's pooling": _extractor(pooling="paper"),
    "extractor, paper's pooling of large crops": _extractor(256, pooling="paper"),
    "autoencoder": Kind(lambda: MultitaskAutoencoder(WIDTH)),
    "autoencoder that recomputes": Kind(lambda: MultitaskAutoencoder(WIDTH, recompute=True)),
}


def random(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in double precision."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(name: str, seed: int = 0) -> nn.Module:
    """In double precision, with random weights, biases and statistics that let a signal through."""
    made = NETWORKS[name].make().double()
    for place, (key, value) in enumerate(made.state_dict().items()):
        if not value.is_floating_point():
            continue
        drawn = random(*value.shape, seed=100 * seed + place)
        if key.endswith("running_var"):
            drawn = drawn.abs() + 0.5
        elif key.endswith(("._u", "._v")):  # singular vectors of spectral norm
            drawn = nn.functional.normalize(drawn, dim=0)
        elif value.ndim > 1:
            drawn = drawn / value[0].numel() ** 0.5
        value.copy_(drawn)
    return made


def inputs(name: str, size: tuple[int, int], samples: int = SAMPLES) -> list[Tensor]:
    kind = NETWORKS[name]
    maps = random(samples, kind.channels, *size, seed=1)
    return [maps, random(samples, EMBEDDING, seed=2)] if kind.embedding else [maps]


def results(work: Callable[..., Any], *given: Tensor, module: nn.Module | None = None, **options: Any) -> Results:
    """What comes out, all gradients, the statistics afterwards, and the next random number.

    Args:
        work: a module, or a function.
        given: inputs.
        module: whose gradients and statistics are wanted, if not those of ``work``.
        options: of the call.
    """
    if module is None and isinstance(work, nn.Module):
        module = work
    parameters, buffers = ({}, {}) if module is None else (dict(module.named_parameters()), module.named_buffers())
    wanted = {f"input {place}": values.clone().requires_grad_() for place, values in enumerate(given)} | parameters
    torch.manual_seed(0)
    made = work(*list(wanted.values())[: len(given)], **options)
    made = [made] if isinstance(made, Tensor) else list(made)
    # Every number that comes out has a weight of its own in the loss.
    loss = sum((each.double() * torch.linspace(-1, 2, each.numel()).view_as(each)).sum() for each in made)
    gradients = torch.autograd.grad(loss, list(wanted.values()))
    return (
        {f"output {place}": each.detach() for place, each in enumerate(made)}
        | {f"gradient of {name}": gradient for name, gradient in zip(wanted, gradients, strict=True)}
        | {name: value.clone() for name, value in buffers}
        | {"next random number": torch.rand(())}
    )


def assert_same(found: Results, expected: Results, relative: float = 1e-8) -> None:
    """In double precision. Numbers next to nothing are compared with the largest ones of their kind."""
    assert found.keys() == expected.keys()
    scale = largest(expected)
    for key, values in expected.items():
        torch.testing.assert_close(
            found[key],
            values,
            rtol=relative,
            atol=relative / 100 * scale[key],
            msg=lambda text, key=key: f"{key}: {text}",
        )


def largest(values: Results) -> dict[str, float]:
    """For each, the largest of all gradients, or of all else."""
    kinds = {True: 0.0, False: 0.0}
    for key, each in values.items():
        kinds[key.startswith("gradient")] = max(kinds[key.startswith("gradient")], each.abs().max().item())
    return {key: kinds[key.startswith("gradient")] for key in values}


def root_mean_square(values: Tensor) -> float:
    return values.double().square().mean().sqrt().item()

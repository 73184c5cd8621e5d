"""The cycle-consistent family: two generators that undo each other, each trained against a discriminator.

A method of this family subclasses `CycleMethod` and overrides what is its own.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.data.sampling import CropSampler, stream
from benchmark.methods.base import Direction, FitContext, TaskInfo, TrainingSet
from benchmark.methods.crops import Crops, Pair
from benchmark.methods.learned import LearnedMethod
from benchmark.methods.objective import discriminator_loss, generator_loss, l1_loss
from benchmark.methods.options import AdversarialOptions, GeneratorKind
from benchmark.networks.discriminator import PatchDiscriminator
from benchmark.networks.generator import ResUNetGenerator
from benchmark.networks.padding import BACKGROUND
from benchmark.networks.residual_unet import ReferenceResUNet
from benchmark.networks.resnet import ResNet9Generator
from benchmark.networks.segmentation_unet import unet_depth
from benchmark.networks.twins import DOMAINS, OTHER, Pass, Twins
from benchmark.networks.variant import Variant
from benchmark.runtime.errors import Diverged
from benchmark.training.batches import Batches
from benchmark.training.trainer import Recipe, Step, Term

CONSTANT = 1e-3
"""An image whose standard deviation is less than this, an eighth of one of 255 grey levels, is constant."""

DomainNetworks = nn.ModuleDict
"""Networks of one domain by role: ``generator`` translates its images, ``discriminator`` judges images of it."""


@dataclass(frozen=True)
class Translation:
    """Images, translated: the first half of a cycle.

    A method may add fields; all are tensors whose first axis is the samples.
    """

    translated: Tensor


@dataclass(frozen=True)
class Cycle(Translation):
    """The same images translated back, and what the other domain's discriminator makes of the translations."""

    reconstructed: Tensor
    scores: Tensor


Half = TypeVar("Half", bound=Translation)


class CycleMethod(LearnedMethod):
    """A pair of generators, each trained against a discriminator, that are each other's inverse (Eqs. 2 and 4).

    Attributes:
        roles: networks of the images' own domain that translation needs.
        fusible: ``cycle`` and ``translation`` only call the networks, with tensors by position, so that they may be
            given both domains' images as one batch and fused networks. Each class states this itself; it is not
            inherited.
    """

    hyperparameters: ClassVar[type[AdversarialOptions]] = AdversarialOptions
    roles: ClassVar[tuple[str, ...]] = ("generator",)
    fusible: ClassVar[bool] = False

    # What a method of the family may override

    @abstractmethod
    def make_generator(self, task: TaskInfo, width: int) -> nn.Module:
        """Translates images of one domain; has ``required_multiple``."""

    def make_discriminator(self, width: int) -> nn.Module:
        """Tells real images of one domain from made ones; must not have statistics over the batch."""
        return PatchDiscriminator(width, power_iterations=self.options.power_iterations)

    def domain_networks(self, task: TaskInfo, width: int) -> dict[str, nn.Module]:
        """All networks of one domain by role."""
        return {"generator": self.make_generator(task, width), "discriminator": self.make_discriminator(width)}

    def learning_rates(self) -> dict[str, float]:
        """Of every role but the discriminator; all of these share one Adam."""
        return {"generator": self.options.learning_rate_generators}

    def augment(self, source: Crops, target: Crops, random: np.random.Generator) -> tuple[Crops, Crops]:
        """Changes a batch before it is trained on."""
        return source, target

    def translation(self, here: DomainNetworks, crops: Crops) -> Translation:
        """Translates images of the domain ``here``. Samples must not depend on each other."""
        return Translation(crops.keep(here["generator"](crops.images)))

    def cycle(self, here: DomainNetworks, there: DomainNetworks, crops: Crops) -> Cycle:
        """Translates images of the domain ``here``, there and back. Samples must not depend on each other."""
        translated = self.translation(here, crops).translated
        return Cycle(translated, there["generator"](translated), there["discriminator"](translated))

    def start_terms(self, crops: Crops, made: Any) -> list[Term]:
        """What is minimized instead of ``terms`` in a start from the identity: ‖G(x) - x‖₁.

        It has the weight of the cycle, whose place it takes, so that Adam's steps stay of one size.
        """
        unchanged = l1_loss(made.translated, crops.images, crops.kept)
        return [Term("unchanged", self.options.lambda_cyc, unchanged)]

    def terms(self, here: DomainNetworks, there: DomainNetworks, crops: Crops, cycle: Any) -> list[Term]:
        """What all networks but the discriminators minimize, for images of the domain ``here`` (Eq. 5)."""
        options = self.options
        adversarial = generator_loss(cycle.scores, halved=options.halved_adversarial)
        return [
            Term("adversarial", options.lambda_gan, adversarial),
            Term("cycle", options.lambda_cyc, l1_loss(cycle.reconstructed, crops.images, crops.kept)),
        ]

    def shown_to_discriminator(self, domain: str, made: Tensor, random: np.random.Generator) -> Tensor:
        """Made images of ``domain`` that its discriminator is trained on, (N, 1, H, W) without a graph."""
        return made

    def kept(self) -> dict[str, list[Tensor]]:
        """Tensors kept from step to step beside the networks, by name; the lists themselves, which may be changed."""
        return {}

    def translate_with(self, networks: DomainNetworks, images: Tensor) -> Tensor:
        """Translates whole slices with the networks of their own domain."""
        return networks["generator"](images)

    # The contract of a learned method

    @property
    def has_backward(self) -> bool:
        return True

    @property
    def required_multiple(self) -> int:
        return cast(int, self.networks["source"]["generator"].required_multiple)

    @property
    def networks(self) -> Twins:
        """The networks of both domains."""
        return cast(Twins, self.network)

    def make_network(self, task: TaskInfo, width: int) -> Twins:
        source, target = (self.domain_networks(task, width) for _ in DOMAINS)
        return Twins(source, target, fusible=vars(type(self)).get("fusible", False))

    def parts(self, network: nn.Module) -> Mapping[str, nn.Module]:
        return {f"{domain}/{role}": part for domain in DOMAINS for role, part in cast(Twins, network)[domain].items()}

    def translating(self) -> Mapping[str, nn.Module]:
        return {f"{domain}_{role}": self.networks[domain][role] for domain in DOMAINS for role in self.roles}

    @property
    def parameters(self) -> int:
        return sum(p.numel() for role in self.roles for p in self.networks["source"][role].parameters())

    def infer(self, images: Tensor, direction: Direction) -> Tensor:
        return self.translate_with(self.networks["source" if direction is Direction.FORWARD else "target"], images)

    def recipe(self, train: TrainingSet, context: FitContext) -> Recipe[Pair]:
        """Generators and all that condition them learn first, then both discriminators on the images just made."""
        return CycleTraining(self, train, context).recipe()


class CycleTraining:
    """One training of a method of the family: its batches, and the two steps on each."""

    def __init__(self, method: CycleMethod, train: TrainingSet, context: FitContext) -> None:
        self._method, self._networks = method, method.networks
        self._made: dict[str, Tensor] = {}
        self._start = context.identity_steps
        self._memory = stream(*context.identity, "discriminators' memory")
        self._augmentation = stream(*context.identity, "augmentation")
        crops, batch = train.task.crop, train.task.batch_size
        self._samplers = {
            domain: CropSampler(slices, crops, batch, stream(*context.identity, "crops", domain))
            for domain, slices in zip(DOMAINS, (train.source, train.target), strict=True)
        }
        self._schedule = context.schedule.steps(max(map(len, self._samplers.values())))

    def recipe(self) -> Recipe[Pair]:
        """What the trainer needs."""
        options, rates = self._method.options, self._method.learning_rates()
        betas = (options.beta1, options.beta2)
        translators = [{"params": self._parameters(role), "lr": rate} for role, rate in rates.items()]
        discriminators = [{"params": self._parameters("discriminator"), "lr": options.learning_rate_discriminators}]
        judged = Step("discriminators", discriminators, betas, self.discriminators)
        return Recipe(
            network=self._networks,
            batches=Batches(self._draw, self._samplers, {"augmentation": self._augmentation}),
            steps=(Step("translators", translators, betas, self.translators), judged),
            schedule=self._schedule,
            start=(Step("translators", translators, betas, self.unchanging_translators), judged),
            start_batches=self._start,
            streams={"memory": self._memory},
            kept=self._method.kept(),
            verify=self.refuse_constant,
        )

    def translators(self, crops: Pair) -> Iterator[Sequence[Term]]:
        """Losses of all networks but the discriminators (Eq. 5); keeps the translations for these."""
        # Evaluation mode stops the power iteration of spectral norm: the discriminator's own update iterates, as in
        # Algorithm 1 of Miyato et al. 2018, and that of the generators does not.
        self._set_discriminators(training=False)
        for now in self._passes(crops):
            both = self._method.cycle(now.here, now.there, Crops.joined([crops[domain] for domain in now.domains]))
            cycles = self._kept_for_discriminators(both, now.domains)
            yield [
                Term(f"{name}_{here}", weight, value)
                for here in now.domains
                for name, weight, value in self._method.terms(
                    self._networks[here], self._networks[OTHER[here]], crops[here], cycles[here]
                )
            ]

    def unchanging_translators(self, crops: Pair) -> Iterator[Sequence[Term]]:
        """Losses of the same networks in a start from the identity, without a cycle."""
        for now in self._passes(crops):
            both = self._method.translation(now.here, Crops.joined([crops[domain] for domain in now.domains]))
            made = self._kept_for_discriminators(both, now.domains)
            yield [
                Term(f"{name}_{here}", weight, value)
                for here in now.domains
                for name, weight, value in self._method.start_terms(crops[here], made[here])
            ]

    def discriminators(self, crops: Pair) -> Iterator[Sequence[Term]]:
        """Losses of the discriminators on real images and on detached translations (Eq. 2)."""
        self._set_discriminators(training=True)
        weight = self._method.options.lambda_gan
        for now in self._passes(crops):
            fake = {d: self._method.shown_to_discriminator(d, self._made[d], self._memory) for d in now.domains}
            # Real and made images in one pass: no discriminator has statistics over the batch.
            shown = torch.cat([torch.cat([crops[domain].images, fake[domain]]) for domain in now.domains])
            scores = now.here["discriminator"](shown).chunk(len(now.domains))
            yield [
                Term(f"discriminator_{domain}", weight, discriminator_loss(*of_domain.chunk(2)))
                for domain, of_domain in zip(now.domains, scores, strict=True)
            ]

    def refuse_constant(self, crops: Pair) -> None:
        """Raises Diverged: a generator gives a constant image."""
        for domain in DOMAINS:
            images = crops[domain].images
            translated = self._method.translate_with(self._networks[domain], images)[images > BACKGROUND]
            deviation = translated.std(correction=0).item()
            if not deviation >= CONSTANT:
                raise Diverged(
                    f"translations from the {domain} are constant after the last of {sum(self._schedule)} steps: their "
                    f"standard deviation in the foreground is {deviation:.2g}"
                )

    def _draw(self) -> Pair:
        drawn = (self._samplers[domain].draw() for domain in DOMAINS)
        source, target = (Crops(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in drawn)
        return Pair(*self._method.augment(source, target, self._augmentation))

    def _kept_for_discriminators(self, made: Half, domains: tuple[str, ...]) -> dict[str, Half]:
        """Translations, or cycles, by domain; the discriminators will see what was translated."""
        divided = _divided(made, domains)
        self._made |= {OTHER[here]: divided[here].translated.detach() for here in domains}
        return divided

    def _passes(self, crops: Pair) -> list[Pass]:
        return self._networks.passes(crops.source.images)

    def _parameters(self, role: str) -> list[nn.Parameter]:
        return [p for domain in DOMAINS for p in self._networks[domain][role].parameters()]

    def _set_discriminators(self, *, training: bool) -> None:
        for domain in DOMAINS:
            self._networks[domain]["discriminator"].train(training).requires_grad_(training)


def _divided(made: Half, domains: tuple[str, ...]) -> dict[str, Half]:
    """Translations, or cycles, of several domains' images, by domain."""
    if len(domains) == 1:
        return {domains[0]: made}
    values = {field.name: getattr(made, field.name).chunk(len(domains)) for field in fields(made)}
    return {
        domain: type(made)(**{name: parts[place] for name, parts in values.items()})
        for place, domain in enumerate(domains)
    }


def plain_generator(kind: GeneratorKind, crop: tuple[int, int], width: int, block: Variant) -> nn.Module:
    """A generator that reads nothing but images.

    Args:
        kind: ``plain_resunet`` is the renormalized one with plain normalization, so that a comparison isolates the
            renormalization; ``reference_resunet`` is that of the published code; ``cyclegan_resnet9`` is that of Zhu et
            al. 2017, for which ``block`` means nothing.
        crop: rows and columns of the training crops, which ``reference_resunet`` halves as often as they allow.
        width: channels of the first layer.
        block: the kind of residual block.
    """
    if kind == "cyclegan_resnet9":
        return ResNet9Generator(width)
    if kind == "reference_resunet":
        return ReferenceResUNet(depth=unet_depth(*crop), width=width, order=block)
    return ResUNetGenerator(width, conditioned=False, order=block)

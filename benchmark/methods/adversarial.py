"""What the cycle-consistent adversarial methods share: networks of two domains, the cycle, translation, saving.

A method of this family subclasses `AdversarialMethod` and overrides what is its own. The loop is in
``adversarial_training.py``.
"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from pydantic import PositiveInt, TypeAdapter, ValidationError
from torch import Tensor, nn

from benchmark.data.sampling import torch_seed
from benchmark.data.slices import Images
from benchmark.methods.adversarial_training import AdversarialTraining
from benchmark.methods.base import Direction, FitContext, Method, TaskInfo, TrainingSet
from benchmark.methods.cycle import DOMAINS, Crops, Cycle, DomainNetworks
from benchmark.methods.objective import Term, adversarial_loss, l1_loss
from benchmark.methods.options import AdversarialOptions, GeneratorKind
from benchmark.networks import (
    PatchDiscriminator,
    ResNet9Generator,
    ResUNetGenerator,
    Variant,
    crop_back,
    initialize_weights,
    pad_to_multiple,
)
from benchmark.networks.microbatch import indivisible
from benchmark.runtime.errors import ModelError
from benchmark.training.description import read_description, require
from benchmark.training.device import inference_device, make_fabric
from benchmark.training.saved import load_networks, save_networks

FORMAT = "harmonize-bench adversarial 1"
TRANSLATION_BATCH = 16


class AdversarialMethod(Method):
    """A pair of generators, each trained against a discriminator, that are each other's inverse (Eqs. 2 and 4).

    Attributes:
        translating: networks of the images' own domain that translation needs; these are saved.
        fusible: ``cycle`` does nothing with networks but to call them, with tensors by their place, and may so be given
            both domains' images as one batch and fused networks. Each class says so itself.
    """

    kind = "learned"
    hyperparameters: ClassVar[type[AdversarialOptions]] = AdversarialOptions
    translating: ClassVar[tuple[str, ...]] = ("generator",)
    fusible: ClassVar[bool] = False

    def __init__(self, options: AdversarialOptions) -> None:
        super().__init__(options)
        self._model: _Model | None = None

    @property
    def task(self) -> TaskInfo:
        """What the networks were made for."""
        return self._trained().task

    # What a method says of itself

    @abstractmethod
    def make_generator(self, task: TaskInfo, width: int) -> nn.Module:
        """Translates images of one domain; has ``required_multiple``."""

    def make_discriminator(self, width: int) -> nn.Module:
        """Tells real images of one domain from made ones; must not have statistics over the batch."""
        return PatchDiscriminator(width)

    def domain_networks(self, task: TaskInfo, width: int) -> dict[str, nn.Module]:
        """All networks of one domain by role."""
        return {"generator": self.make_generator(task, width), "discriminator": self.make_discriminator(width)}

    def learning_rates(self) -> dict[str, float]:
        """Of every network but the discriminator; all of these share one Adam."""
        return {"generator": self.options.learning_rate_generators}

    def augment(self, source: Crops, target: Crops, random: np.random.Generator) -> tuple[Crops, Crops]:
        """Changes a batch before it is trained on."""
        return source, target

    def cycle(self, here: DomainNetworks, there: DomainNetworks, crops: Crops) -> Cycle:
        """Translates images of the domain ``here``, there and back.

        Samples must not depend on each other: they may come in micro-batches and, if `fusible`, as one batch of both
        domains, of which networks compute either half with the weights of its own domain.
        """
        translated = crops.keep(here["generator"](crops.images))
        return Cycle(translated, there["generator"](translated), there["discriminator"](translated))

    def terms(self, here: DomainNetworks, there: DomainNetworks, crops: Crops, cycle: Any) -> list[Term]:
        """What all networks but the discriminators minimize, as far as images of the domain ``here`` go (Eq. 5)."""
        options = self.options
        adversarial = adversarial_loss(cycle.scores, halved=options.halved_adversarial)
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

    def infer(self, networks: DomainNetworks, images: Tensor) -> Tensor:
        """Translates whole slices, already padded to what the generator needs."""
        return networks["generator"](images)

    # The contract of a method

    def smallest_crop(self, task: TaskInfo) -> tuple[int, int]:
        """The largest that any of its networks needs."""
        sides = [getattr(network, "smallest_images", (1, 1)) for network in self._narrow_networks(task)]
        return max(shorter for shorter, _ in sides), max(longer for _, longer in sides)

    def indivisible(self, task: TaskInfo) -> str | None:
        """A layer of its networks that mixes the samples of a batch."""
        return indivisible(self._narrow_networks(task))

    def _narrow_networks(self, task: TaskInfo) -> list[nn.Module]:
        """Its networks of one domain, made as narrow as can be, to be asked."""
        with torch.random.fork_rng(devices=[]):
            return list(self.domain_networks(task, width=1).values())

    def fit(self, train: TrainingSet, context: FitContext) -> None:
        """Trains both directions together.

        Raises:
            Diverged: a loss is not finite, or a generator ends with a constant image.
        """
        fabric = make_fabric(context.precision)
        model = self._model = self._make(train.task, context.width, fabric.device)
        model.initialize(context.identity, context.initial_std)
        with _own_randomness(fabric.device):
            torch.manual_seed(torch_seed(*context.identity, "dropout"))
            AdversarialTraining(self, model.networks, train, context, fabric).run()

    @torch.inference_mode()
    def translate(self, images: Images, direction: Direction = Direction.FORWARD) -> Images:
        """Translates in batches, without dropout and with running statistics, in float32."""
        model = self._trained()
        networks = model.networks["source" if direction is Direction.FORWARD else "target"].eval()
        height, width = images.shape[1:]
        multiple = cast(int, networks["generator"].required_multiple)
        # A slice that fits into one multiple would be normalized over a single pixel at the bottleneck.
        multiple *= 2 if max(height, width) <= multiple else 1
        done = []
        for start in range(0, len(images), TRANSLATION_BATCH):
            batch = torch.from_numpy(np.array(images[start : start + TRANSLATION_BATCH], np.float32))[:, None]
            translated = self.infer(networks, pad_to_multiple(batch.to(model.device), multiple))
            done.append(crop_back(translated, height, width)[:, 0])
        # All of a subject's at once: a GPU need not wait for one batch to be taken away before the next begins.
        return torch.cat(done).cpu().numpy()

    @property
    def has_backward(self) -> bool:
        return True

    @property
    def parameters(self) -> int:
        return sum(p.numel() for n in self.translating for p in self._trained().networks["source"][n].parameters())

    def save(self, path: Path) -> None:
        model = self._trained()
        task = TypeAdapter(TaskInfo).dump_python(model.task, mode="json")
        description = {**self._description(), "task": task, "width": model.width}
        save_networks(path, model.pick(self.translating), description)

    def load(self, path: Path) -> None:
        """Restores what ``save`` wrote, onto a GPU where there is one.

        Raises:
            ModelError: damaged, or of another method, version or hyperparameters.
        """
        description = read_description(path)
        require(path, description, self._description())
        try:
            task = TypeAdapter(TaskInfo).validate_python(description.get("task"))
            width = TypeAdapter(PositiveInt).validate_python(description.get("width"))
        except ValidationError as error:
            raise ModelError(path, f"is damaged ({error.errors()[0]['msg']})", "Train it again") from None
        model = self._make(task, width, inference_device())
        load_networks(path, model.pick(self.translating))
        self._model = model

    def _make(self, task: TaskInfo, width: int, device: torch.device) -> "_Model":
        with _own_randomness(device):
            networks = {domain: nn.ModuleDict(self.domain_networks(task, width)) for domain in DOMAINS}
        return _Model(task, width, device, {domain: n.to(device) for domain, n in networks.items()})

    def _trained(self) -> "_Model":
        if self._model is None:
            raise RuntimeError(f"{self.name} was neither fitted nor loaded")
        return self._model

    def _description(self) -> dict[str, Any]:
        return {"format": FORMAT, "method": self.name, "options": self.options.model_dump(mode="json")}


@dataclass(frozen=True)
class _Model:
    """The networks of both domains and what they were made for."""

    task: TaskInfo
    width: int
    device: torch.device
    networks: dict[str, DomainNetworks]

    def pick(self, roles: tuple[str, ...]) -> dict[str, nn.Module]:
        """Networks of these roles, under the names of their files."""
        return {f"{domain}_{role}": self.networks[domain][role] for domain in DOMAINS for role in roles}

    def initialize(self, identity: tuple[object, ...], deviation: float) -> None:
        """Draws initial weights that depend on ``identity`` and each network's role alone."""
        for domain, networks in self.networks.items():
            for name, network in networks.items():
                seed = torch_seed(*identity, "initial weights", domain, name)
                initialize_weights(network, torch.Generator().manual_seed(seed), deviation)


def plain_generator(kind: GeneratorKind, width: int, block: Variant) -> nn.Module:
    """A generator that knows images only.

    Args:
        kind: ``plain_resunet`` is the renormalized one with plain normalization, so that a comparison isolates the
            renormalization; ``cyclegan_resnet9`` is that of Zhu et al. 2017, to which ``block`` means nothing.
        width: channels of the first layer.
        block: the kind of residual block.
    """
    if kind == "cyclegan_resnet9":
        return ResNet9Generator(width)
    return ResUNetGenerator(width, conditioned=False, order=block)


@contextmanager
def _own_randomness(device: torch.device) -> Iterator[None]:
    """PyTorch's global random state is put back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield

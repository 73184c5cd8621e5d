"""One-sided translation on the contract of a learned method: contrastive, without a way back (Park et al., ECCV 2020).

A skeleton of CUT, not the method itself: it shows that the trainer takes other steps than those of a cycle.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.config.base import Strict
from benchmark.data.sampling import CropSampler, stream
from benchmark.methods.base import Direction, FitContext, TaskInfo, TrainingSet
from benchmark.methods.crops import Crops, Pair
from benchmark.methods.learned import LearnedMethod
from benchmark.methods.objective import discriminator_loss, generator_loss
from benchmark.networks.discriminator import PatchDiscriminator
from benchmark.networks.resnet import ResNet9Generator
from benchmark.training.batches import Batches
from benchmark.training.trainer import Recipe, Step, Term

LAYERS = (0, 3, 6, 12)
"""Of the generator's encoder, after which patches are compared."""
PATCHES, FEATURES, TEMPERATURE = 16, 8, 0.07
BETAS = (0.5, 0.999)


class OneSided(LearnedMethod):
    name = "one_sided"
    title = "One-sided"
    reference = "Park et al., Contrastive learning for unpaired image-to-image translation, ECCV 2020"
    hyperparameters = Strict

    def make_network(self, task: TaskInfo, width: int) -> nn.Module:
        generator = ResNet9Generator(width)
        channels = [width, 2 * width, 4 * width, 4 * width]
        heads = nn.ModuleList(
            nn.Sequential(nn.Linear(c, FEATURES), nn.ReLU(), nn.Linear(FEATURES, FEATURES)) for c in channels
        )
        return nn.ModuleDict({"generator": generator, "discriminator": PatchDiscriminator(width), "heads": heads})

    def translating(self) -> Mapping[str, nn.Module]:
        return {"generator": self._part("generator")}

    @property
    def required_multiple(self) -> int:
        return ResNet9Generator.required_multiple

    def infer(self, images: Tensor, direction: Direction) -> Tensor:
        if direction is Direction.BACKWARD:
            raise ValueError(f"{self.name} does not translate from target to source")
        return self._part("generator")(images)

    def recipe(self, train: TrainingSet, context: FitContext) -> Recipe[Pair]:
        samplers = {
            side: CropSampler(slices, train.task.crop, train.task.batch_size, stream(*context.identity, "crops", side))
            for side, slices in (("source", train.source), ("target", train.target))
        }

        def draw() -> Pair:
            drawn = {side: map(torch.from_numpy, sampler.draw()) for side, sampler in samplers.items()}
            return Pair(Crops(*drawn["source"]), Crops(*drawn["target"]))

        self._patches = stream(*context.identity, "patches")
        translator = [
            {"params": [*self._part("generator").parameters(), *self._part("heads").parameters()], "lr": 2e-4}
        ]
        return Recipe(
            network=self.network,
            batches=Batches(draw, samplers),
            steps=(
                Step(
                    "discriminator",
                    [{"params": self._part("discriminator").parameters(), "lr": 2e-4}],
                    BETAS,
                    self._critic,
                ),
                Step("translator", translator, BETAS, self._translator),
            ),
            schedule=context.schedule.steps(max(map(len, samplers.values()))),
            streams={"patches": self._patches},
        )

    def _critic(self, batch: Pair) -> Iterator[Sequence[Term]]:
        critic = self._part("discriminator").requires_grad_(True).train()
        with torch.no_grad():
            made = self._part("generator")(batch.source.images)
        yield [Term("discriminator", 1.0, discriminator_loss(critic(batch.target.images), critic(made)))]

    def _translator(self, batch: Pair) -> Iterator[Sequence[Term]]:
        # Outside training mode, spectral normalization makes no step of its power iteration.
        critic = self._part("discriminator").requires_grad_(False).eval()
        made = self._part("generator")(batch.source.images)
        yield [
            Term("adversarial", 1.0, generator_loss(critic(made), halved=False)),
            Term("contrast", 1.0, self._contrast(batch.source.images, made)),
        ]
        kept = self._part("generator")(batch.target.images)
        yield [Term("identity_contrast", 1.0, self._contrast(batch.target.images, kept))]

    def _contrast(self, images: Tensor, made: Tensor) -> Tensor:
        """PatchNCE: each patch of the translation resembles the patch it was made of, and no other of that image."""
        losses = []
        for head, before, after in zip(self._part("heads"), self._features(images), self._features(made), strict=True):
            places = torch.from_numpy(self._patches.integers(before.shape[-1], size=PATCHES))
            key, query = (F.normalize(head(f[..., places].transpose(1, 2)), dim=-1) for f in (before, after))
            similarity = query @ key.detach().transpose(1, 2) / TEMPERATURE
            target = torch.arange(PATCHES, device=images.device).repeat(len(images))
            losses.append(F.cross_entropy(similarity.flatten(0, 1), target))
        return torch.stack(losses).mean()

    def _features(self, images: Tensor) -> Iterator[Tensor]:
        """(N, C, H W) after each of `LAYERS`."""
        for place, layer in enumerate(self._part("generator").encoder):
            images = layer(images)
            if place in LAYERS:
                yield images.flatten(2)

    def _part(self, name: str) -> nn.Module:
        return self.network.get_submodule(name)

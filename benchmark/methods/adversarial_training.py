"""How an adversarial method is trained: optimisers, one step, the schedule, divergence."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.optim import Adam

from benchmark.data.sampling import CropSampler, stream
from benchmark.methods.base import FitContext, TrainingSet
from benchmark.methods.cycle import DOMAINS, OTHER, Crops, Cycle, DomainNetworks
from benchmark.methods.fused_cycles import Cycles, FusedCycles, worth_fusing
from benchmark.methods.objective import Term, discriminator_loss, total
from benchmark.networks.microbatch import MicroBatch, micro_batches
from benchmark.networks.padding import BACKGROUND
from benchmark.runtime.errors import Diverged
from benchmark.training.batches import Batches
from benchmark.training.loop import Parts, train
from benchmark.training.schedule import constant_then_linear

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from benchmark.methods.adversarial import AdversarialMethod

CONSTANT = 1e-3
"""An image whose standard deviation is less than this, an eighth of one of 255 grey levels, is constant."""


class AdversarialTraining:
    """Trains the networks of a method in place."""

    def __init__(
        self,
        method: "AdversarialMethod",
        networks: dict[str, DomainNetworks],
        train: TrainingSet,
        context: FitContext,
        fabric: "Fabric",
    ) -> None:
        self._method, self._networks, self._context, self._fabric = method, networks, context, fabric
        task = train.task
        samplers = {
            domain: CropSampler(slices, task.crop, task.batch_size, stream(*context.identity, "crops", domain))
            for domain, slices in zip(DOMAINS, (train.source, train.target), strict=True)
        }
        augmentation = stream(*context.identity, "augmentation")

        def draw() -> tuple[Crops, Crops]:
            drawn = (samplers[domain].draw() for domain in DOMAINS)
            source, target = (Crops(torch.from_numpy(images), torch.from_numpy(labels)) for images, labels in drawn)
            return method.augment(source, target, augmentation)

        self._batches = Batches(draw, samplers, {"augmentation": augmentation})
        self._memory = stream(*context.identity, "discriminators' memory")
        constant, decay = context.schedule.steps(max(map(len, samplers.values())))
        self._steps = constant + decay
        self._translators, self._discriminators = self._optimizers()
        optimizers = {"translators": self._translators, "discriminators": self._discriminators}
        self._schedules = {name: constant_then_linear(each, constant, decay) for name, each in optimizers.items()}
        self._parts = Parts(
            fabric.device,
            {f"{domain}_{role}": network for domain, roles in networks.items() for role, network in roles.items()},
            optimizers,
            self._schedules,
            self._batches,
            {"memory": self._memory},
            method.kept(),
        )
        for domain in networks.values():
            domain.train()
        self._cycles = (FusedCycles if worth_fusing(method, networks, task, context.width) else Cycles)(networks)

    def run(self) -> None:
        """Trains for the whole schedule, or for what a former process has left of it.

        Raises:
            Diverged: a loss is not finite, or a generator ends with a constant image.
            Interrupted: a signal asked for the end; a checkpoint was written.
            ModelError: the checkpoint that is there is of another config, code or data.
        """
        train(self._parts, self._steps, lambda: self.step(self.draw()), self._context.log, self._context.checkpoints)
        self._refuse_constant()

    def draw(self) -> dict[str, Crops]:
        """The next batch of each domain, as the method wants it."""
        return {d: crops.to(self._fabric.device) for d, crops in zip(DOMAINS, self._batches.next(), strict=True)}

    def step(self, crops: dict[str, Crops]) -> dict[str, Tensor]:
        """Generators, extractors and segmentors together, then both discriminators on detached translations.

        Returns:
            Every loss before weighting, as scalars without a graph.
        """
        # Weights are rounded once a step: PyTorch forgets the rounded ones when it leaves the outermost such block. (It
        # does not remember those of fused networks, which are small, nor those that `winograd` takes sums of.)
        with torch.autocast(self._fabric.device.type, enabled=False):
            made, losses = self._step_translators(crops)
        losses |= self._step_discriminators(crops, made)
        for schedule in self._schedules.values():
            schedule.step()
        return losses

    def _step_translators(self, crops: dict[str, Crops]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Images made of each domain, and losses, both without a graph."""
        # Evaluation mode stops the power iteration of spectral norm: one iteration an update of the
        # discriminator, as in Algorithm 1 of Miyato et al. 2018, and none for the generators' sake.
        self._set_discriminators(training=False)
        self._translators.zero_grad(set_to_none=True)
        made: dict[str, Tensor] = {}
        losses: dict[str, Tensor] = {}
        for at_once in self._cycles.at_once:
            translated: dict[str, list[Tensor]] = {domain: [] for domain in at_once}
            for micro in self._micro_batches(crops[at_once[0]].images):
                parts = {domain: crops[domain].part(micro) for domain in at_once}
                with self._fabric.autocast():
                    cycles = self._cycles.cycles(self._method, parts)
                    terms = {d: self._terms(d, parts[d], cycles[d]) for d in at_once}
                self._fabric.backward(micro.share * total(term for each in terms.values() for term in each))
                for here in at_once:
                    translated[here].append(cycles[here].translated.detach())
                    _add(losses, micro, {f"{term.name}_{here}": term.value for term in terms[here]})
            made |= {OTHER[here]: torch.cat(parts) for here, parts in translated.items()}
        self._translators.step()
        return made, losses

    def _terms(self, here: str, crops: Crops, cycle: Cycle) -> list[Term]:
        return self._method.terms(self._networks[here], self._networks[OTHER[here]], crops, cycle)

    def _step_discriminators(self, crops: dict[str, Crops], made: dict[str, Tensor]) -> dict[str, Tensor]:
        weight = self._method.options.lambda_gan
        self._set_discriminators(training=True)
        self._discriminators.zero_grad(set_to_none=True)
        losses: dict[str, Tensor] = {}
        for at_once in self._cycles.at_once:
            real = {domain: crops[domain].images for domain in at_once}
            fake = {d: self._method.shown_to_discriminator(d, made[d], self._memory) for d in at_once}
            for micro in self._micro_batches(real[at_once[0]]):
                # Real and made images in one pass: no discriminator has statistics over the batch.
                shown = {d: torch.cat([real[d][micro.samples], fake[d][micro.samples]]) for d in at_once}
                with self._fabric.autocast():
                    scores = self._cycles.scores(shown)
                terms = [Term(f"discriminator_{d}", weight, discriminator_loss(*scores[d].chunk(2))) for d in at_once]
                self._fabric.backward(micro.share * total(terms))
                _add(losses, micro, {term.name: term.value for term in terms})
                for domain in at_once:  # one power iteration an update, however many micro-batches there are
                    self._networks[domain]["discriminator"].eval()
        self._discriminators.step()
        return losses

    def _micro_batches(self, images: Tensor) -> Iterator[MicroBatch]:
        return micro_batches(len(images), self._context.micro_batch, self._fabric.device)

    def _set_discriminators(self, *, training: bool) -> None:
        for networks in self._networks.values():
            networks["discriminator"].train(training).requires_grad_(training)

    def _optimizers(self) -> tuple[Adam, Adam]:
        options, rates = self._method.options, self._method.learning_rates()
        betas = (options.beta1, options.beta2)
        groups = [
            {"params": [p for n in self._networks.values() for p in n[role].parameters()], "lr": rate}
            for role, rate in rates.items()
        ]
        discriminators = [p for n in self._networks.values() for p in n["discriminator"].parameters()]
        rate = options.learning_rate_discriminators
        return Adam(groups, betas=betas, fused=True), Adam(discriminators, lr=rate, betas=betas, fused=True)

    @torch.inference_mode()
    def _refuse_constant(self) -> None:
        crops = self.draw()
        for domain, networks in self._networks.items():
            images = crops[domain].images
            networks.eval()
            parts = [self._method.infer(networks, images[m.samples]) for m in self._micro_batches(images)]
            translated = torch.cat(parts)[images > BACKGROUND]
            deviation = translated.std(correction=0).item()
            if not deviation >= CONSTANT:
                raise Diverged(
                    f"translations from the {domain} are constant after the last of {self._steps} steps: their "
                    f"standard deviation in the foreground is {deviation:.2g}"
                )


def _add(losses: dict[str, Tensor], micro: MicroBatch, found: Mapping[str, Tensor]) -> None:
    """Adds a micro-batch's losses, means over it, to those of its batch."""
    for name, loss in found.items():
        part = micro.share * loss.detach()
        losses[name] = losses[name] + part if name in losses else part

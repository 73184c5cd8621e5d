"""The judge of fidelity: the multitask autoencoder in whose features KID and FID are computed (Appendix A).

It is trained on random crops of the dataset's size, since the paper's has inputs of 128 × 128 for IXI, and judges whole
slices. Every batch holds as many crops of either scanner, so that the domain classifier does not prefer the scanner
with more subjects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.sampling import CropSampler, DomainSlices, stream, torch_seed
from benchmark.data.slices import SliceStore
from benchmark.judges.training import judge_training, load_judge, train_judge, training_subjects
from benchmark.networks.autoencoder import MultitaskAutoencoder
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.variant import Variant
from benchmark.runtime import paths
from benchmark.training.batches import Batches
from benchmark.training.device import make_fabric, place
from benchmark.training.trainer import Recipe, Step, Term

BETAS: dict[Variant, tuple[float, float]] = {"paper": (0.9, 0.999), "reference": (0.5, 0.999)}
"""Of Adam. Appendix A names none, so the paper's are its defaults: β₁ = 0.5 of Section III-B is for adversarial
training."""


@dataclass(frozen=True)
class CropsOfBoth:
    """A training batch.

    Attributes:
        images: (N, 1, H, W) in [-1, 1].
        is_target: (N,), 1 for crops of the target.
    """

    images: Tensor
    is_target: Tensor

    def to(self, device: torch.device) -> "CropsOfBoth":
        return CropsOfBoth(self.images.to(device), self.is_target.to(device))


def train_autoencoder(config: BenchmarkConfig, dataset: str, pair: str, fold: int) -> None:
    """Trains the autoencoder of a pair on its training subjects and writes it under ``paths.autoencoder``.

    Binary cross-entropy of the domain plus L1 of the image, 1:1; weights N(0, 0.02); Adam. The folder also holds
    ``history.csv`` and the provenance ``run.json``.

    Raises:
        DataError: the slices or splits are missing or damaged.
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: the training diverged, or the checkpoint belongs to another config, code or data.
        OutOfMemory: the last checkpoint is kept.
    """
    data, folder = load_dataset(dataset), paths.autoencoder(config.benchmark, dataset, pair, fold)
    settings, identity = config.judges.autoencoder, ("autoencoder", dataset, pair, fold)
    work = {"pair": pair, "fold": fold}
    with judge_training("autoencoder", config, data, pair, folder, work) as (record, checkpoints):
        subjects = {domain: training_subjects(data, pair, domain, fold) for domain in pair.split("-")}
        samplers = _samplers(config, data, subjects, identity)
        fabric = make_fabric()
        architecture: dict[str, Any] = {"width": settings.width, "variant": settings.variant}
        network = MultitaskAutoencoder(**architecture, recompute=settings.recompute)
        initialize_weights(network, torch.Generator().manual_seed(torch_seed(*identity, "weights")))
        torch.manual_seed(torch_seed(*identity, "dropout"))
        network = network.to(memory_format=torch.channels_last)

        def draw() -> CropsOfBoth:
            drawn = [torch.from_numpy(sampler.draw()[0]) for sampler in samplers.values()]
            return CropsOfBoth(
                torch.cat(drawn), torch.cat([torch.full((len(d),), float(i)) for i, d in enumerate(drawn)])
            )

        def losses(batch: CropsOfBoth) -> Iterator[list[Term]]:
            output = network(batch.images)
            domain = F.binary_cross_entropy_with_logits(output.domain_logit, batch.is_target)
            reconstruction = F.l1_loss(output.reconstruction, batch.images)
            yield [Term("domain", 1.0, domain), Term("reconstruction", 1.0, reconstruction)]

        rate = settings.learning_rate
        recipe = Recipe(
            network=network,
            batches=Batches(draw, samplers),
            steps=[Step("judge", [{"params": network.parameters(), "lr": rate}], BETAS[settings.variant], losses)],
            schedule=settings.schedule.steps(max(map(len, samplers.values()))),
        )
        parameters = train_judge("autoencoder", recipe, fabric, rate, architecture, folder, checkpoints)
        record.facts |= {"subjects": subjects, "parameters": parameters}


def _samplers(
    config: BenchmarkConfig,
    data: DatasetConfig,
    subjects: Mapping[str, tuple[str, ...]],
    identity: tuple[object, ...],
) -> dict[str, CropSampler]:
    """Half a batch of source and of target; a crop as large as a padded slice is the whole slice."""
    settings, store = config.judges.autoencoder, SliceStore(paths.slices(data.name))
    size = (config.datasets[data.name].training or data.training).crop
    if settings.crop == "whole":
        rows, columns = store.slice_shape
        multiple = MultitaskAutoencoder.required_multiple
        size = (rows + -rows % multiple, columns + -columns % multiple)
    half = settings.batch_size // 2
    return {
        domain: CropSampler(DomainSlices.of(store, ids), size, half, stream(*identity, "slices", domain))
        for domain, ids in subjects.items()
    }


def load_autoencoder(folder: Path) -> MultitaskAutoencoder:
    """What :func:`train_autoencoder` wrote, on the CPU and in evaluation mode.

    Raises:
        ModelError: missing or damaged.
    """
    network = load_judge("autoencoder", MultitaskAutoencoder, folder)
    place(network, torch.device("cpu"))
    return network.eval()

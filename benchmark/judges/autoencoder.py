"""The judge of fidelity: the multitask autoencoder in whose features KID and FID are computed (Appendix A).

It is trained on whole slices, padded to a multiple of four, because it judges whole slices. Every batch holds as many
slices of either scanner, so that the domain classifier does not prefer the scanner with more subjects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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
from benchmark.runtime import paths
from benchmark.training.batches import Batches
from benchmark.training.device import make_fabric, place
from benchmark.training.trainer import Recipe, Step, Term

BETAS = (0.9, 0.999)
"""Adam's defaults: Appendix A names no others, and β = 0.5 of Section III-B is for adversarial training."""


@dataclass(frozen=True)
class Slices:
    """A training batch.

    Attributes:
        images: (N, 1, H, W) in [-1, 1].
        is_target: (N,), 1 for slices of the target.
    """

    images: Tensor
    is_target: Tensor

    def to(self, device: torch.device) -> "Slices":
        return Slices(self.images.to(device), self.is_target.to(device))


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
        samplers = _samplers(data, subjects, settings.batch_size, identity)
        fabric = make_fabric()
        network = MultitaskAutoencoder(settings.width)
        initialize_weights(network, torch.Generator().manual_seed(torch_seed(*identity, "weights")))
        torch.manual_seed(torch_seed(*identity, "dropout"))
        network = network.to(memory_format=torch.channels_last)

        def draw() -> Slices:
            drawn = [torch.from_numpy(sampler.draw()[0]) for sampler in samplers.values()]
            return Slices(torch.cat(drawn), torch.cat([torch.full((len(d),), float(i)) for i, d in enumerate(drawn)]))

        def losses(batch: Slices) -> Iterator[list[Term]]:
            output = network(batch.images)
            domain = F.binary_cross_entropy_with_logits(output.domain_logit, batch.is_target)
            reconstruction = F.l1_loss(output.reconstruction, batch.images)
            yield [Term("domain", 1.0, domain), Term("reconstruction", 1.0, reconstruction)]

        rate = settings.learning_rate
        recipe = Recipe(
            network=network,
            batches=Batches(draw, samplers),
            steps=[Step("judge", [{"params": network.parameters(), "lr": rate}], BETAS, losses)],
            schedule=settings.schedule.steps(max(map(len, samplers.values()))),
        )
        architecture = {"width": settings.width}
        parameters = train_judge("autoencoder", recipe, fabric, rate, architecture, folder, checkpoints)
        record.facts |= {"subjects": subjects, "parameters": parameters}


def _samplers(
    data: DatasetConfig, subjects: Mapping[str, tuple[str, ...]], batch_size: int, identity: tuple[object, ...]
) -> dict[str, CropSampler]:
    """Whole slices of source and target: crops as large as a padded slice."""
    store = SliceStore(paths.slices(data.name))
    rows, columns = store.slice_shape
    multiple = MultitaskAutoencoder.required_multiple
    whole = (rows + -rows % multiple, columns + -columns % multiple)
    return {
        domain: CropSampler(DomainSlices.of(store, ids), whole, batch_size // 2, stream(*identity, "slices", domain))
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

"""The judge of utility: a segmentation network of one domain, trained on real images only (Section III-E)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.config.benchmark import BenchmarkConfig, SegmentorSettings
from benchmark.config.dataset import Crops as CropSettings
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.sampling import CropSampler, DomainSlices, stream, torch_seed
from benchmark.data.slices import Images, Labels, SliceStore
from benchmark.data.splits import any_pair
from benchmark.judges.training import judge_training, load_judge, train_judge, training_subjects
from benchmark.methods.crops import Crops
from benchmark.networks.initialization import initialize_weights
from benchmark.networks.padding import crop_back, pad_to_multiple
from benchmark.networks.residual_unet import segmentation_network
from benchmark.networks.segmentation_unet import SegmentationUNet, unet_depth
from benchmark.runtime import paths
from benchmark.training.batches import Batches
from benchmark.training.device import inference_device, make_fabric, place
from benchmark.training.trainer import Recipe, Step, Term

BETAS = (0.5, 0.999)
"""Of Adam, Section III-B."""
SLICES_AT_ONCE = 16


def train_segmentor(config: BenchmarkConfig, dataset: str, domain: str, fold: int) -> None:
    """Trains the segmentor of a domain on its training subjects and writes it under ``paths.segmentor``.

    Weighted cross-entropy on random crops of the dataset's size, weights N(0, 0.02), Adam (Section III-B). The folder
    also holds ``history.csv`` and the provenance ``run.json``.

    Raises:
        DataError: the slices or splits are missing or damaged.
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: the training diverged, or the checkpoint belongs to another config, code or data.
        OutOfMemory: the last checkpoint is kept.
    """
    data, identity = load_dataset(dataset), ("segmentor", dataset, domain, fold)
    pair, folder = any_pair(data, domain), paths.segmentor(config.benchmark, dataset, domain, fold)
    settings, crops = config.judges.segmentor, config.datasets[dataset].training or data.training
    work = {"domain": domain, "fold": fold}
    with judge_training("segmentor", config, data, pair, folder, work) as (record, checkpoints):
        subjects = training_subjects(data, pair, domain, fold)
        slices = DomainSlices.of(SliceStore(paths.slices(dataset)), subjects)
        fabric = make_fabric()
        architecture = segmentor_architecture(settings, data, crops)
        recipe = segmentor_recipe(settings, data, crops, slices, identity, fabric.device)
        parameters = train_judge("segmentor", recipe, fabric, settings.learning_rate, architecture, folder, checkpoints)
        record.facts |= {"subjects": subjects, "parameters": parameters}


def segmentor_architecture(settings: SegmentorSettings, data: DatasetConfig, crops: CropSettings) -> dict[str, Any]:
    """Arguments of :func:`segmentation_network`."""
    return {
        "kind": settings.network,
        "classes": data.classes,
        "depth": unet_depth(*crops.crop),
        "width": settings.width,
    }


def segmentor_recipe(
    settings: SegmentorSettings,
    data: DatasetConfig,
    crops: CropSettings,
    slices: DomainSlices,
    identity: tuple[object, ...],
    device: torch.device,
) -> Recipe[Crops]:
    """What trains a segmentor.

    Args:
        slices: to train on.
        identity: of its random streams.
    """
    sampler = CropSampler(slices, crops.crop, settings.batch_size, stream(*identity, "crops"))
    network = segmentation_network(**segmentor_architecture(settings, data, crops))
    initialize_weights(network, torch.Generator().manual_seed(torch_seed(*identity, "weights")))
    torch.manual_seed(torch_seed(*identity, "dropout"))
    network = network.to(memory_format=torch.channels_last)
    weights = torch.tensor(data.weights, device=device)

    def draw() -> Crops:
        images, labels = sampler.draw()
        return Crops(torch.from_numpy(images), torch.from_numpy(labels))

    def losses(batch: Crops) -> Iterator[list[Term]]:
        yield [Term("cross_entropy", 1.0, weighted_cross_entropy(network(batch.images), batch.labels, weights))]

    return Recipe(
        network=network,
        batches=Batches(draw, {"crops": sampler}),
        steps=[Step("judge", [{"params": network.parameters(), "lr": settings.learning_rate}], BETAS, losses)],
        schedule=settings.schedule.steps(len(sampler)),
    )


def weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of the cross-entropy over all pixels (Eq. 3 with the mean for the expectation).

    Args:
        logits: (N, classes, H, W).
        labels: (N, H, W), int64.
        weights: (classes,), background first.
    """
    # Flattened to a list of pixels: for images, PyTorch has no deterministic kernel on a GPU.
    return F.cross_entropy(logits.permute(0, 2, 3, 1).flatten(0, 2), labels.flatten(), weights)


class Segmentor:
    """A trained segmentor, ready to judge."""

    def __init__(self, network: SegmentationUNet) -> None:
        self._device = inference_device()
        place(network, self._device).eval()
        self._network = network.to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def predict(self, images: Images) -> Labels:
        """Most probable class of each pixel of whole slices.

        Args:
            images: (slices, rows, columns) in [-1, 1]; padded to what the network needs and cropped back.

        Returns:
            uint8 of the same shape.
        """
        batches = torch.split(torch.from_numpy(np.array(images, np.float32))[:, None], SLICES_AT_ONCE)
        # All of a subject's at once: a GPU need not wait for one batch to be taken away before the next begins.
        return torch.cat([self._predict(batch) for batch in batches]).cpu().numpy()

    def _predict(self, batch: Tensor) -> Tensor:
        padded = pad_to_multiple(batch.to(self._device), self._network.required_multiple)
        logits = self._network(padded.to(memory_format=torch.channels_last))
        return crop_back(logits, *batch.shape[-2:]).argmax(dim=1).to(torch.uint8)


def load_segmentor(folder: Path) -> Segmentor:
    """What :func:`train_segmentor` wrote.

    Raises:
        ModelError: missing or damaged.
    """
    return Segmentor(load_judge("segmentor", segmentation_network, folder))

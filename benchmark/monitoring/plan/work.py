"""Amount of work in a job, in units whose cost is measured, and the size of a unit, which scales their cost.

Steps are counted with the functions that the trainings use themselves.
"""

from collections.abc import Mapping
from math import prod

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import Crops
from benchmark.data.sampling import batches
from benchmark.data.splits import Fold
from benchmark.monitoring.plan.dataset_size import DatasetSize
from benchmark.pipeline.jobs import TRAININGS, Job


def steps(config: BenchmarkConfig, job: Job, size: DatasetSize) -> int:
    """Optimizer steps of a training."""
    fold = _fold(job, size)
    source, target = (size.slices * len(subjects) for subjects in (fold.train_source, fold.train_target))
    judges = config.judges
    if job.rule == "train":
        schedule, epoch = config.training.schedule, batches(max(source, target), _crops(config, size).batch_size)
    elif job.rule == "autoencoder":
        schedule, epoch = judges.autoencoder.schedule, batches(max(source, target), judges.autoencoder.batch_size // 2)
    else:
        own = source if job.pair.split("-")[0] == job.domain else target
        schedule, epoch = judges.segmentor.schedule, batches(own, judges.segmentor.batch_size)
    return sum(schedule.steps(epoch))


def amount(config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize]) -> float:
    """Units of work: steps of a training, slices to harmonize, judge or score, subjects, or cells."""
    if not job.dataset:
        return len(job.cells)
    size = sizes[job.dataset]
    if job.rule in TRAININGS:
        return steps(config, job, size)
    if job.rule in ("fetch", "collect"):
        return len(size.subjects)
    if job.rule in ("harmonize", "score"):
        excluded = config.cards[job.cells[0].method].not_applicable
        return 0 if size.dataset.label_kind in excluded else size.slices * len(_fold(job, size).test_source)
    if job.rule == "reference":
        return size.slices * len((*_fold(job, size).test_source, *_fold(job, size).test_target))
    return 1.0


def unit(config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize]) -> float:
    """Size of a unit of work: pixels, times the squared width for convolutional networks."""
    if not job.dataset:
        return 1.0
    size = sizes[job.dataset]
    crops, judges = _crops(config, size), config.judges
    if job.rule == "train":
        return config.training.width**2 * prod(crops.crop) * crops.batch_size
    if job.rule == "segmentor":
        return judges.segmentor.width**2 * prod(crops.crop) * judges.segmentor.batch_size
    if job.rule == "autoencoder":
        pixels = size.slice_pixels if judges.autoencoder.crop == "whole" else prod(crops.crop)
        return judges.autoencoder.width**2 * pixels * judges.autoencoder.batch_size
    if job.rule == "reference":
        return judges.segmentor.width**2 * size.slice_pixels
    if job.rule == "score" or (job.rule == "harmonize" and config.cards[job.cells[0].method].kind == "learned"):
        return config.training.width**2 * size.slice_pixels
    return size.slice_pixels


def bulk(config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize]) -> float:
    """What the bytes of a job's files are proportional to: weights of a network, or pixels of slices."""
    if job.rule in TRAININGS:
        trained = config.training if job.rule == "train" else getattr(config.judges, job.rule)
        return float(trained.width**2)
    if job.rule in ("prepare", "collect", "harmonize", "reference", "score"):
        slices = sizes[job.dataset].slices if job.rule in ("prepare", "collect") else 1
        return amount(config, job, sizes) * slices * sizes[job.dataset].slice_pixels
    return 1.0


def _crops(config: BenchmarkConfig, size: DatasetSize) -> Crops:
    """Crop and batch size of trainings on a dataset in this benchmark."""
    return config.datasets[size.dataset.name].training or size.dataset.training


def _fold(job: Job, size: DatasetSize) -> Fold:
    if job.fold is None:
        raise ValueError(f"{job.key} has no fold")
    return size.folds[job.pair][job.fold]

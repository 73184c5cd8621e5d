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
        schedule, epoch = config.training.schedule, batches(max(source, target), crops_of(config, size).batch_size)
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
        skipped = config.cards[job.cells[0].method].not_applicable.get(size.dataset.label_kind)
        return 0 if skipped else size.slices * len(_fold(job, size).test_source)
    if job.rule == "reference":
        return size.slices * len((*_fold(job, size).test_source, *_fold(job, size).test_target))
    return 1.0


def unit(config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize]) -> float:
    """Size of a unit of work: pixels, times the squared width for convolutional networks."""
    if not job.dataset:
        return 1.0
    size = sizes[job.dataset]
    crops, judges, width = crops_of(config, size), config.judges, network_width(config, job)
    if job.rule == "train":
        return width**2 * prod(crops.crop) * crops.batch_size
    if job.rule == "segmentor":
        return width**2 * prod(crops.crop) * judges.segmentor.batch_size
    if job.rule == "autoencoder":
        return width**2 * prod(autoencoder_shape(config, size)) * judges.autoencoder.batch_size
    return width**2 * size.slice_pixels


def network_width(config: BenchmarkConfig, job: Job) -> int:
    """Width of the networks whose work a job mostly is; 1 where it is not."""
    if job.rule in ("segmentor", "reference"):
        return config.judges.segmentor.width
    if job.rule == "autoencoder":
        return config.judges.autoencoder.width
    learned = job.rule == "harmonize" and config.cards[job.cells[0].method].kind == "learned"
    return config.training.width if learned or job.rule in ("train", "score") else 1


def autoencoder_shape(config: BenchmarkConfig, size: DatasetSize) -> tuple[int, int]:
    """Rows and columns of what the autoencoder is trained on."""
    whole = config.judges.autoencoder.crop == "whole"
    return size.dataset.preparation.grid_size if whole else crops_of(config, size).crop


def bulk(config: BenchmarkConfig, job: Job, sizes: Mapping[str, DatasetSize]) -> float:
    """What the bytes of a job's files are proportional to: weights of a network, or pixels of slices."""
    if job.rule in TRAININGS:
        trained = config.training if job.rule == "train" else getattr(config.judges, job.rule)
        return float(trained.width**2)
    if job.rule in ("prepare", "collect", "harmonize", "reference", "score"):
        slices = sizes[job.dataset].slices if job.rule in ("prepare", "collect") else 1
        return amount(config, job, sizes) * slices * sizes[job.dataset].slice_pixels
    return 1.0


def crops_of(config: BenchmarkConfig, size: DatasetSize) -> Crops:
    """Crop and batch size of trainings on a dataset in this benchmark."""
    return config.datasets[size.dataset.name].training or size.dataset.training


def _fold(job: Job, size: DatasetSize) -> Fold:
    if job.fold is None:
        raise ValueError(f"{job.key} has no fold")
    return size.folds[job.pair][job.fold]

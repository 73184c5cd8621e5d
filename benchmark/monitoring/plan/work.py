"""How much work a job is, in units whose cost is measured, and how large a unit is beside one of another config.

Steps are counted by the functions that the trainings themselves count with; a test compares the two.
"""

from collections.abc import Mapping
from math import prod

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import Crops
from benchmark.data.sampling import batches
from benchmark.data.splits import Fold
from benchmark.monitoring.plan.extent import Extent
from benchmark.pipeline.jobs import TRAININGS, Job


def steps(config: BenchmarkConfig, job: Job, extent: Extent) -> int:
    """Of a training."""
    fold = _fold(job, extent)
    source, target = extent.count(fold.train_source), extent.count(fold.train_target)
    if job.rule == "train":
        batch = crops_of(config, extent).batch_size
        return sum(config.training.schedule.steps(max(batches(n, batch) for n in (source, target))))
    if job.rule == "autoencoder":
        judge = config.judges.autoencoder
        return sum(judge.schedule.steps(max(batches(n, judge.batch_size // 2) for n in (source, target))))
    own = source if job.pair.split("-")[0] == job.domain else target
    return sum(config.judges.segmentor.schedule.steps(batches(own, config.judges.segmentor.batch_size)))


def amount(config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent]) -> float:
    """Units of a job: steps of a training, slices that are translated or scored, subjects, or cells."""
    if not job.dataset:
        return len(job.cells)
    extent = extents[job.dataset]
    if job.rule in TRAININGS:
        return steps(config, job, extent)
    if job.rule in ("fetch", "collect"):
        return len(extent.subjects)
    if job.rule in ("harmonize", "harmonize_trained", "score"):
        return sum(applies(cell.method, extent) for cell in job.cells) * extent.count(_fold(job, extent).test_source)
    return 1.0


def unit(config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent]) -> float:
    """Size of a unit, to scale its time by: pixels, times the squared width where convolutions are computed."""
    if not job.dataset:
        return 1.0
    extent = extents[job.dataset]
    crops, judges = crops_of(config, extent), config.judges
    if job.rule == "train":
        return config.training.width**2 * prod(crops.crop) * crops.batch_size
    if job.rule == "segmentor":
        return judges.segmentor.width**2 * prod(crops.crop) * judges.segmentor.batch_size
    if job.rule == "autoencoder":
        return judges.autoencoder.width**2 * extent.slice_pixels * judges.autoencoder.batch_size
    if job.rule in ("harmonize_trained", "score"):
        return config.training.width**2 * extent.slice_pixels
    return extent.slice_pixels


def bulk(config: BenchmarkConfig, job: Job, extents: Mapping[str, Extent]) -> float:
    """What the size of a job's files grows with: weights of a network, or pixels of slices."""
    if job.rule in TRAININGS:
        widths = {
            "train": config.training.width,
            "segmentor": config.judges.segmentor.width,
            "autoencoder": config.judges.autoencoder.width,
        }
        return float(widths[job.rule] ** 2)
    if job.rule in ("prepare", "collect", "harmonize", "harmonize_trained", "score"):
        slices = next(iter(extents[job.dataset].slices.values())) if job.rule in ("prepare", "collect") else 1
        return amount(config, job, extents) * slices * extents[job.dataset].slice_pixels
    return 1.0


def crops_of(config: BenchmarkConfig, extent: Extent) -> Crops:
    """What a batch of a dataset is made of in this benchmark."""
    return config.datasets[extent.dataset.name].training or extent.dataset.training


def applies(method: str, extent: Extent) -> bool:
    """Whether the method does anything on the dataset's labels."""
    from benchmark.methods.registry import method_class

    return method_class(method).not_applicable(extent.dataset.label_kind) is None


def _fold(job: Job, extent: Extent) -> Fold:
    if job.fold is None:
        raise ValueError(f"{job.key} is of no fold")
    return extent.folds[job.pair][job.fold]

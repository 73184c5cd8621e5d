"""Which checkpoints a training may go on from: those of the same settings, code, slices and training subjects."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.results.provenance import Record, data_hashes, origin
from benchmark.runtime import paths
from benchmark.runtime.code_digest import code_digest

if TYPE_CHECKING:
    from benchmark.training.checkpoints import Checkpoints


@contextmanager
def checkpoints_of(
    config: BenchmarkConfig, trained: Path, dataset: str, pair: str, settings: str, *modules: str
) -> Iterator["Checkpoints"]:
    """Those of one training, which no other process can do within the block.

    Args:
        config: says how often one is written.
        trained: folder of what is trained.
        dataset: whose slices are trained on.
        pair: whose splits say on which.
        settings: what the training depends on of the configs (``benchmark.training.settings``).
        modules: that train; the code behind them counts too.

    Raises:
        DataError: the slices or splits are missing.
        ModelError: another process is at this training.
    """
    # Loads PyTorch, which removing checkpoints does without.
    from benchmark.training.checkpoints import Checkpoints

    data = {name.removesuffix("_sha256"): value for name, value in data_hashes(dataset, pair).items()}
    identity = {"config": hashlib.sha256(settings.encode()).hexdigest(), "code": code_digest(*modules), **data}
    folder = paths.checkpoints(config.benchmark, trained)
    checkpoints = Checkpoints(folder, identity, config.checkpoint_every, origin())
    with checkpoints.alone():
        yield checkpoints
        checkpoints.finish()


def discard(benchmark: str, *trained: Path) -> None:
    """Removes the checkpoints of trainings that are done.

    Only after a whole run: a training that was killed with Snakemake just after its end is made again, from its last
    checkpoint.

    Args:
        benchmark: its name.
        trained: folders of what was trained.
    """
    for folder in trained:
        shutil.rmtree(paths.checkpoints(benchmark, folder), ignore_errors=True)


def note_resumption(record: Record, checkpoints: "Checkpoints") -> None:
    """Notes in a training's provenance that it went on from a checkpoint, and what the steps before it took."""
    if checkpoints.resumed_at:
        record.facts["resumed_at_step"] = checkpoints.resumed_at
        record.earlier_seconds = checkpoints.earlier_seconds
        record.facts["earlier_origins"] = checkpoints.earlier_origins

"""Where a result comes from: config, data, code, versions, machine, time and memory, as JSON beside the result.

PyTorch is asked only where the process has loaded it already, so that methods without networks stay quick.
"""

import hashlib
import json
import logging
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from pydantic import BaseModel

from benchmark import __version__
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.results.status import Status
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError, MethodFailed, remedy_damaged, remedy_missing
from benchmark.runtime.paths import ROOT, Cell
from benchmark.runtime.processor import PORTABLE_KERNELS

CODE = ("benchmark", "methods")
FIT = "fit"
"""Entry of a harmonization's record that holds what fitting took, where no training has a record of its own."""
# What can change a number; the rest of the environment is in requirements.lock.
PACKAGES = (
    "h5py", "lightning-fabric", "monai", "numpy", "pandas", "safetensors", "scikit-image", "scipy", "torch",
    "torch-fidelity", "torchvision",
)  # fmt: skip

logger = logging.getLogger(__name__)


@dataclass
class Record:
    """What the recorded work says of itself.

    Attributes:
        status: ``failed`` when the method failed, ``skipped`` when it is not applicable.
        reason: why it is not ``ok``.
        facts: further entries of the JSON.
        earlier_seconds: that killed processes spent on the same work before this one.
        begun: moment of ``time.perf_counter`` from which ``wall_seconds`` count.
    """

    status: Status = "ok"
    reason: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    earlier_seconds: float = 0.0
    begun: float = field(default_factory=time.perf_counter)

    def failed(self, outcome: MethodFailed) -> None:
        """Notes that the method failed, here and in the log."""
        self.status, self.reason = "failed", outcome.reason
        logger.warning("failed: %s", outcome.reason)

    @property
    def cost(self) -> dict[str, float]:
        """What the work took until now."""
        seconds = time.perf_counter() - self.begun + self.earlier_seconds
        return {"wall_seconds": round(seconds, 3), "peak_memory_mib": peak_memory()}


@contextmanager
def recorded(path: Path, config: BenchmarkConfig, cell: Cell) -> Iterator[Record]:
    """Writes the provenance of the block's work on a cell to ``path`` when it is done; nothing when it raises."""
    with recorded_work(path, config, cell.dataset, cell.pair, {"cell": asdict(cell), "seed": cell.seed}) as record:
        yield record


@contextmanager
def recorded_work(
    path: Path, config: BenchmarkConfig, dataset: str, pair: str, work: Mapping[str, Any]
) -> Iterator[Record]:
    """As :func:`recorded`, for work on something else than a cell.

    Args:
        work: what was worked on; the first entries of the JSON.
    """
    record, started = Record(), datetime.now(UTC)
    yield record
    provenance = {
        **work,
        "status": record.status,
        "reason": record.reason,
        **record.facts,
        "started": started.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        **record.cost,
        "config_sha256": digest(config.file, _without_names(load_dataset(dataset))),
        "data": data_hashes(dataset, pair),
        "code": code_version(),
        **origin(),
    }
    write_atomically(path, json.dumps(provenance, indent=1) + "\n")


def read_provenance(path: Path) -> dict[str, Any]:
    """What :func:`recorded` wrote of a cell's training or harmonization.

    Raises:
        DataError: missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(path, "is missing", remedy_missing(path)) from None
    except ValueError as error:
        raise DataError(path, f"is damaged ({error})", remedy_damaged(path)) from None
    return found


def read_fit(cell: Cell) -> dict[str, Any]:
    """What fitting a cell's method took: ``wall_seconds``, ``peak_memory_mib`` and ``parameters``.

    A training has a record of its own; what a method without one learns is fitted when the cell is harmonized.

    Raises:
        DataError: the record is missing or damaged.
    """
    harmonization = read_provenance(cell.harmonize_run)
    return harmonization[FIT] if FIT in harmonization else read_provenance(cell.run)


def digest(*models: BaseModel) -> str:
    """SHA-256 over checked configs, defaults included, so that two spellings of one config have one hash."""
    content = [model.model_dump(mode="json") for model in models]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _without_names(dataset: DatasetConfig) -> DatasetConfig:
    """Without the ids that are left out, where they are names: a hash over a few letters can be guessed."""
    return dataset.model_copy(update={"exclude": ()}) if dataset.pseudonyms else dataset


def data_hashes(dataset: str, pair: str) -> dict[str, str]:
    """SHA-256 of the prepared slices and of the division into training and test subjects.

    Raises:
        DataError: one of the two is missing.
    """
    hashes = {}
    for name, path in {"slices": paths.slices(dataset), "splits": paths.splits(dataset, pair)}.items():
        if not path.is_file():
            raise DataError(path, "is missing", remedy_missing(path))
        with path.open("rb") as file:
            hashes[f"{name}_sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def origin() -> dict[str, Any]:
    """What the work runs on, apart from its code: all that can change the last bit of a number."""
    return {
        "versions": package_versions(),
        "hardware": hardware(),
        "threads": threads(),
        "kernels": {name: os.environ.get(name) for name in PORTABLE_KERNELS},
    }


@cache
def code_version() -> dict[str, Any]:
    """Version, commit, and whether code was changed since; without git the latter two are None."""
    unknown = {"version": __version__, "commit": None, "dirty": None}
    # An installed copy can lie inside some other repository, whose commit would say nothing.
    if _git("ls-files", "--error-unmatch", str(Path(__file__).relative_to(ROOT))) is None:
        return unknown
    changed = _git("status", "--porcelain", "--", *CODE)
    return {**unknown, "commit": (_git("rev-parse", "HEAD") or "").strip() or None, "dirty": bool(changed)}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that computed the result."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def hardware() -> dict[str, Any]:
    """Processor, cores, memory, and the GPU if there is one in use."""
    torch = sys.modules.get("torch")
    gpu = torch.cuda.get_device_name() if torch is not None and torch.cuda.is_available() else None
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "gpu": gpu,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # not Linux
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def threads() -> dict[str, int | str | None]:
    """What the rule asked for, and what PyTorch uses."""
    torch = sys.modules.get("torch")
    return {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "torch": torch.get_num_threads() if torch is not None else None,
    }


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)

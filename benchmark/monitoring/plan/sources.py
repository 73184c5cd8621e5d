"""Sources of measurements: a finished run, a measurement on this machine, or a file of measurements."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from benchmark.config.base import Strict
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.cells import cells_of, judged
from benchmark.config.load import check, load_dataset
from benchmark.monitoring.plan.dataset_size import dataset_size, phantom_stage
from benchmark.monitoring.plan.measurement import Measurement, measurement, read_run
from benchmark.monitoring.plan.miniature import SMALL, miniature, needs_smaller, timed
from benchmark.monitoring.training_log import tail
from benchmark.phantoms.processes import process_count
from benchmark.pipeline.jobs import Job
from benchmark.results.provenance import hardware, read_provenance
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.devices import gpu_model
from benchmark.runtime.errors import ConfigError, UserError


class Source(Strict):
    """Measurements on one machine.

    Attributes:
        title: what was measured, and on which machine.
        gpu: name of the GPU that networks ran on; empty without one.
        memory: GB of that GPU, or of the machine without one; 0 if unknown.
    """

    title: str
    gpu: str
    memory: float = Field(0, ge=0)
    measurements: list[Measurement] = Field(min_length=1)

    def save(self, path: Path) -> None:
        """Writes a file that :func:`load` reads."""
        write_atomically(path, self.model_dump_json(indent=1) + "\n")


def load(path: Path) -> Source:
    """Reads a file that :meth:`Source.save` wrote.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        return check(Source, json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise UserError(path, "is missing", "Measure with --measure --save FILE") from None
    except (ConfigError, ValueError) as error:
        fault = error.fault if isinstance(error, ConfigError) else error
        raise UserError(path, f"is no file of measurements ({fault})", "Measure with --measure --save FILE") from None


def from_run(config: BenchmarkConfig) -> Source:
    """Measurements of a finished run.

    Raises:
        DataError: an inventory or a record of the run is damaged.
        UserError: no job has times, or the run is not finished.
    """
    measurements = read_run(config)
    cells = [cell for place in judged(config) for cell in cells_of(config, *place)]
    if left := sum(not cell.harmonize_run.is_file() for cell in cells):
        raise UserError(
            f"the run {config.benchmark}",
            f"is not finished: {left} of its {len(cells)} cells are not harmonized yet",
            f"Wait for its end (hbench watch {config.benchmark} shows it), or measure with --measure",
        )
    machines = [read_provenance(cell.harmonize_run)["hardware"] for cell in cells]
    # Jobs without networks use no GPU.
    machine = next((each for each in machines if each["gpu"]), machines[0])
    title = f"the run {config.benchmark} on {_describe(machine)}"
    gpu, memory = (machine["gpu"], 0) if machine["gpu"] else ("", machine["memory_gib"] * 2**30 / 1e9)
    return Source(title=title, gpu=gpu, memory=memory, measurements=measurements)


def measure(config: BenchmarkConfig, announce: Callable[[str], None]) -> Source:
    """Measures a miniature of the benchmark on this machine.

    Args:
        announce: called with each job's name before it runs.

    Raises:
        UserError: a job failed.
    """
    gpu, machine = gpu_model(), hardware()
    small = needs_smaller(config)
    with TemporaryDirectory(prefix="hbench-plan-") as folder:
        found = list(miniature(config, Path(folder) / "run", announce))
        for name in () if small else config.datasets:
            announce(f"archive {name}")
            found += _of_archive(config, name, Path(folder) / name)
    name, memory = gpu or ("", machine["memory_gib"] * 2**30 / 1e9)
    kind = f"crops of {SMALL[0]} × {SMALL[1]} at the config's widths" if small else "a miniature"
    title = f"{kind} on {_describe({**machine, 'gpu': name})}"
    return Source(title=title, gpu=name, memory=memory, measurements=found)


def _describe(machine: Mapping[str, object]) -> str:
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    return f"{machine['cpu']}, {machine['cores']} cores{gpu}"


def _of_archive(config: BenchmarkConfig, name: str, folder: Path) -> list[Measurement]:
    """Preparation of subjects, and generation of a phantom, which uses all cores if memory allows it."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmark.monitoring.plan.archives", name, str(folder.absolute())]
    _, processor, memory = timed(command, Path.cwd(), folder / "log")
    took = json.loads(tail(folder / "log").splitlines()[-1])
    start_up = max(processor - sum(took["generate"]) - sum(took["prepare"]), 0.0)
    sizes = {name: dataset_size(name)}
    prepare, fetch = Job("prepare", name, (), dataset=name), Job("fetch", name, (), dataset=name)
    found = [
        measurement(config, prepare, sizes, seconds=(start_up, seconds), memory=memory, size=size)
        for seconds, size in zip(took["prepare"], took["sizes"], strict=True)
    ]
    if stage := phantom_stage(load_dataset(name)):
        each, processes = sum(took["generate"]) / len(took["generate"]), process_count(*stage)
        seconds = (start_up, each * len(sizes[name].subjects) / processes)
        found.append(measurement(config, fetch, sizes, seconds=seconds, memory=memory * processes, size=0))
    return found

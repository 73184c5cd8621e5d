"""Where measurements come from: a finished run, a measurement on this machine, or one that was kept."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.devices import gpus
from benchmark.errors import UserError
from benchmark.jobs import Job
from benchmark.phantoms.processes import fitting
from benchmark.planning.extent import extent_of
from benchmark.planning.measured import Measured, measured, read_run
from benchmark.planning.miniature import miniature, timed
from benchmark.planning.subjects import generated
from benchmark.provenance import hardware, read_provenance
from benchmark.watching.progress import tail
from benchmark.whole import write_whole


@dataclass(frozen=True)
class Source:
    """Measurements of one machine.

    Attributes:
        title: which they are, and of what machine.
        gpu: whether networks were on a GPU.
    """

    title: str
    gpu: bool
    measurements: list[Measured]

    def keep(self, path: Path) -> None:
        """Writes a file for :func:`kept`."""
        write_whole(path, json.dumps(asdict(self), indent=1) + "\n")


def kept(path: Path) -> Source:
    """What :meth:`Source.keep` wrote.

    Raises:
        UserError: missing or damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Source(found["title"], bool(found["gpu"]), [Measured(**each) for each in found["measurements"]])
    except FileNotFoundError:
        raise UserError(path, "is missing", "Measure with --measure --save FILE") from None
    except KeyError as error:
        fault = f"it has no {error}"
    except (ValueError, TypeError) as error:
        fault = str(error)
    raise UserError(path, f"is no file of measurements ({fault})", "Measure with --measure --save FILE")


def of_run(config: BenchmarkConfig) -> Source:
    """Of a run that is finished.

    Raises:
        DataError: a record of the run is damaged.
        UserError: no job has left its times.
    """
    from benchmark.plan import cells_of, judged

    measurements = read_run(config)
    cell = next(cell for place in judged(config) for cell in cells_of(config, *place))
    machine = read_provenance(cell.run)["hardware"]
    return Source(f"the run {config.benchmark} on {_named(machine)}", machine["gpu"] is not None, measurements)


def of_this_machine(config: BenchmarkConfig, tell: Callable[[str], None]) -> Source:
    """Of a miniature of the benchmark that is run now.

    Args:
        tell: is told of each job before it runs.

    Raises:
        UserError: a job failed.
    """
    with TemporaryDirectory(prefix="hbench-plan-") as folder:
        found = miniature(config, Path(folder) / "run", tell)
        for name in config.datasets:
            tell(f"archive {name}")
            found += _of_archive(config, name, Path(folder) / name)
    return Source(f"a miniature on {_named(hardware())}", bool(gpus()), found)


def _named(machine: dict[str, object]) -> str:
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    return f"{machine['cpu']}, {machine['cores']} cores{gpu}"


def _of_archive(config: BenchmarkConfig, name: str, folder: Path) -> list[Measured]:
    """Preparation of a subject and, for phantoms, its generation, which has all cores, if the memory allows."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmark.planning.archives", name, str(folder.absolute())]
    _, processor, memory = timed(command, Path.cwd(), folder / "log")
    took = json.loads(tail(folder / "log").splitlines()[-1])
    start_up = max(processor - sum(took["generate"]) - sum(took["prepare"]), 0.0)
    extents = {name: extent_of(name)}
    prepare, fetch = Job("prepare", name, (), dataset=name), Job("fetch", name, (), dataset=name)
    found = [
        measured(config, prepare, extents, seconds=(start_up, seconds), memory=memory, size=size)
        for seconds, size in zip(took["prepare"], took["sizes"], strict=True)
    ]
    if stage := generated(load_dataset(name)):
        each, processes = sum(took["generate"]) / len(took["generate"]), fitting(*stage)
        seconds = (start_up, each * len(extents[name].subjects) / processes)
        found.append(measured(config, fetch, extents, seconds=seconds, memory=memory * processes, size=0))
    return found

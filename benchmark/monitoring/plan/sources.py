"""Where measurements come from: a finished run, a measurement on this machine, or one that was kept."""

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

from benchmark.config.base import Strict
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import check, load_dataset
from benchmark.monitoring.plan.extent import extent_of
from benchmark.monitoring.plan.measured import Measured, measured, read_run
from benchmark.monitoring.plan.miniature import miniature, timed
from benchmark.monitoring.plan.subjects import generated
from benchmark.monitoring.watch.progress import tail
from benchmark.phantoms.processes import fitting
from benchmark.pipeline.jobs import Job
from benchmark.results.provenance import hardware, read_provenance
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.devices import gpus
from benchmark.runtime.errors import ConfigError, DataError, UserError

_LONGEST = 300  # characters of what is wrong with a file, every line of which may be wrong


class Source(Strict):
    """Measurements of one machine.

    Attributes:
        title: which they are, and of what machine.
        gpu: whether networks were on a GPU.
    """

    title: str
    gpu: bool = Field(strict=True)
    measurements: list[Measured] = Field(min_length=1)

    def keep(self, path: Path) -> None:
        """Writes a file for :func:`kept`."""
        write_atomically(path, self.model_dump_json(indent=1) + "\n")


def kept(path: Path) -> Source:
    """What :meth:`Source.keep` wrote.

    Raises:
        UserError: missing or damaged.
    """
    try:
        return check(Source, json.loads(path.read_text(encoding="utf-8")), path)
    except FileNotFoundError:
        raise UserError(path, "is missing", "Measure with --measure --save FILE") from None
    except ConfigError as error:
        fault = textwrap.shorten(error.fault, _LONGEST, placeholder=" ...")
    except RecursionError:
        fault = "it is nested too deeply"
    except json.JSONDecodeError as error:
        fault = f"it is no JSON from line {error.lineno}, column {error.colno}, on"
    except UnicodeDecodeError:
        fault = "it is no text"
    except ValueError:
        fault = "it holds a number of thousands of digits"
    raise UserError(path, f"is no file of measurements ({fault})", "Measure with --measure --save FILE")


def of_run(config: BenchmarkConfig) -> Source:
    """Of a run that is finished.

    Raises:
        DataError: a record of the run is damaged.
        UserError: no job has left its times, or the run is not finished.
    """
    from benchmark.config.cells import cells_of, judged

    measurements = read_run(config)
    cells = [cell for place in judged(config) for cell in cells_of(config, *place)]
    if left := sum(not cell.run.is_file() for cell in cells):
        raise UserError(
            f"the run {config.benchmark}",
            f"is not finished: {left} of its {len(cells)} cells are not trained or harmonized yet",
            f"Wait for its end (hbench watch {config.benchmark} shows it), or measure with --measure",
        )
    path = cells[0].run
    try:
        machine = read_provenance(path)["hardware"]
        title, gpu = f"the run {config.benchmark} on {_named(machine)}", machine["gpu"] is not None
    except (KeyError, TypeError):
        raise DataError(path, "is damaged (it does not tell the hardware)", "Measure with --measure") from None
    return Source(title=title, gpu=gpu, measurements=measurements)


def of_this_machine(config: BenchmarkConfig, tell: Callable[[str], None], save: Path | None = None) -> Source:
    """Of a miniature of the benchmark that is run now.

    Args:
        tell: is told of each job before it runs.
        save: a file that keeps what was measured, written anew after each job, so that nothing is lost by a later one.

    Raises:
        UserError: a job failed; the message tells where the measurements before it are.
    """
    found: list[Measured] = []
    try:
        for one in _each(config, tell):
            found.append(one)
            if save:
                _of_miniature(found, "a part of a miniature").keep(save)
    except UserError as error:
        if not found:
            raise
        where = f"{save} keeps what was measured before it" if save else "With --save FILE, what was measured is kept"
        raise type(error)(error.thing, error.fault, f"{error.remedy}. {where}") from error
    source = _of_miniature(found, "a miniature")
    if save:
        source.keep(save)
    return source


def _of_miniature(found: list[Measured], title: str) -> Source:
    return Source(title=f"{title} on {_named(hardware())}", gpu=bool(gpus()), measurements=found)


def _each(config: BenchmarkConfig, tell: Callable[[str], None]) -> Iterator[Measured]:
    with TemporaryDirectory(prefix="hbench-plan-") as folder:
        yield from miniature(config, Path(folder) / "run", tell)
        for name in config.datasets:
            tell(f"archive {name}")
            yield from _of_archive(config, name, Path(folder) / name)


def _named(machine: dict[str, object]) -> str:
    gpu = f", {machine['gpu']}" if machine["gpu"] else ""
    return f"{machine['cpu']}, {machine['cores']} cores{gpu}"


def _of_archive(config: BenchmarkConfig, name: str, folder: Path) -> list[Measured]:
    """Preparation of a subject and, for phantoms, its generation, which has all cores, if the memory allows."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmark.monitoring.plan.archives", name, str(folder.absolute())]
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

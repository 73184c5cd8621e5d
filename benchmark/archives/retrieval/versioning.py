"""What DVC states of archives, and its commands ``pull``, ``repro`` and ``add``.

Statements are read from DVC's files, so that Snakemake gets them without importing DVC.
"""

import logging
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.load import parse_yaml
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError
from benchmark.runtime.interpreter import put_own_python_first

if TYPE_CHECKING:
    from dvc.repo import Repo

REMOTE_VARIABLE = "HBENCH_DVC_REMOTE"
"""Environment variable with the folder or URL of this machine's DVC remote."""
NEIGHBOUR = Path("../shared/dvc-mirror")
"""A remote beside the project, which is used without configuration."""
PROCESSES = Path(".dvc/tmp/rwlock")
"""DVC's list of processes and the files that each reads or writes."""
PIPELINES = (Path("dvc.yaml"), Path("data/full/dvc.yaml"))
"""Files of stages, with paths from the project root. Those of the second take hours, and run only on request."""


@dataclass(frozen=True)
class Stated:
    """What DVC states of an archive: hash, and size in bytes."""

    md5: str
    size: int


@dataclass(frozen=True)
class Generated:
    """A stage that generates an archive.

    Attributes:
        stage: its name in ``dvc repro``.
        command: what it runs.
        lock: file in which DVC states the result.
    """

    stage: str
    command: str
    lock: Path


def pointer(dataset: str) -> Path:
    """The file that ``dvc add`` writes."""
    return paths.RAW / f"{dataset}.dvc"


def stated(dataset: str) -> Stated | None:
    """What DVC states of the archive; None if DVC does not track it.

    Raises:
        DataError: its pointer or ``dvc.lock`` is damaged.
    """
    path = paths.raw(dataset)
    if pointer(dataset).is_file():
        folder, outs = pointer(dataset).parent, _read(pointer(dataset))["outs"]
    else:
        stages = [stage for pipeline in PIPELINES for stage in _read(_lock(pipeline)).get("stages", {}).values()]
        folder, outs = Path(), [out for stage in stages for out in stage.get("outs", [])]
    return next((Stated(out["md5"], out.get("size", 0)) for out in outs if folder / out["path"] == path), None)


def generated(dataset: str) -> Generated | None:
    """The stage that generates the archive; None if it has another source.

    Raises:
        DataError: a file of stages is damaged.
    """
    path = paths.raw(dataset).as_posix()
    for pipeline in PIPELINES:
        for name, stage in _read(pipeline).get("stages", {}).items():
            if path in stage.get("outs", []):
                prefix = f"{pipeline}:" if pipeline.parent != Path() else ""
                return Generated(f"{prefix}{name}", str(stage["cmd"]), _lock(pipeline))
    return None


def _lock(pipeline: Path) -> Path:
    return pipeline.with_suffix(".lock")


def check_no_link(dataset: str) -> None:
    """Refuses an archive behind a symbolic link, which DVC does not track.

    Raises:
        DataError: its folder, or a parent folder in the project, is such a link.
    """
    folder = paths.raw(dataset)
    if link := next((path for path in (folder, *folder.parents) if path.is_symlink()), None):
        raise DataError(
            link,
            f"is a symbolic link (to {link.resolve()}), behind which DVC tracks nothing",
            f"Put a folder in its place, and the archive into {folder}. To keep what is tracked on another disk, with "
            "links to it here: dvc cache dir --local /big/disk/dvc; dvc config --local cache.type symlink",
        )


def configure_remote() -> bool:
    """Makes this machine's remote the default one, in ``.dvc/config.local``, which is not tracked.

    Returns:
        Whether there is a default remote.

    Raises:
        DataError: the variable does not name a folder or a valid URL.
    """
    from dvc.config import Config, ConfigError

    wanted = os.environ.get(REMOTE_VARIABLE)
    if wanted and "://" not in wanted and not Path(wanted).is_dir():
        raise DataError(f"{REMOTE_VARIABLE}={wanted}", "is no folder", "Name the folder or the URL of a DVC remote")
    config = Config.from_cwd()
    if not wanted and config["core"].get("remote"):
        return True
    if not wanted and NEIGHBOUR.is_dir():
        wanted = str(NEIGHBOUR.resolve())
    if not wanted:
        return False
    try:
        with config.edit("local") as local:
            local["remote"]["mirror"] = {"url": wanted}
            local["core"]["remote"] = "mirror"
    except ConfigError as error:
        fault = f"is no DVC remote ({_flat(error)})"
        raise DataError(f"{REMOTE_VARIABLE}={wanted}", fault, "Name the folder or the URL of one") from None
    return True


def pull(dataset: str) -> None:
    """Gets the archive, as DVC states it, from the default remote.

    Raises:
        DataError: DVC failed, or the remote does not hold it.
    """
    folder = str(paths.raw(dataset))
    _call(f"dvc pull --force {folder}", lambda repo: repo.pull(folder, force=True))


def reproduce(stage: str) -> None:
    """Runs a stage unless its output is up to date.

    Raises:
        DataError: DVC or the stage failed.
    """
    put_own_python_first()  # the command of a stage is `python -m ...`
    _call(f"dvc repro {stage}", lambda repo: repo.reproduce(stage))


def track(dataset: str) -> None:
    """Hashes the archive, and writes its pointer.

    Raises:
        DataError: DVC failed.
    """
    folder = str(paths.raw(dataset))
    _call(f"dvc add {folder}", lambda repo: repo.add(folder))


def _call(command: str, work: Callable[["Repo"], object]) -> None:
    """Calls DVC for what a command does.

    Raises:
        DataError: it failed.
    """
    from dvc.repo import Repo
    from dvc.rwlock import RWLockFileCorruptedError

    log = _Log()
    # A downloaded copy has no repository of git; one that surrounds it is another project's, and may ignore the data.
    settings = {"core": {"no_scm": not Path(".git").exists()}}
    try:
        with Repo(config=settings) as repo:
            work(repo)
    except Exception as error:  # remotes raise exceptions of many libraries
        if not any(isinstance(cause, RWLockFileCorruptedError) for cause in _causes(error)):
            fault = f"failed: {'. '.join([*log.reasons, _flat(error)])}"
            raise DataError(command, fault, "Correct that and run it again") from error
    else:
        return
    # DVC reads and writes this file under a lock, so no living process left it like that.
    PROCESSES.unlink()
    print(f"{PROCESSES} was half written (DVC was killed, or the disk was full), and is removed", flush=True)
    _call(command, work)


class _Log(logging.Handler):
    """Collects DVC's warnings and errors, and prints what else it logs, such as the stage that it runs.

    DVC's exceptions do not say why a remote cannot be reached; its log does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reasons: list[str] = []
        for name in ("dvc", "dvc_data", "dvc_objects"):
            logging.getLogger(name).handlers = [self]

    def emit(self, record: logging.LogRecord) -> None:
        text, error = record.getMessage(), record.exc_info and record.exc_info[1]
        if record.levelno < logging.WARNING:
            print(text, flush=True)
        else:
            self.reasons.append(f"{text} ({_flat(error)})" if error else text)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__


def _flat(error: BaseException) -> str:
    """Messages of an exception and its causes, in one line and without colours."""
    return re.sub(r"\x1b\[\d*m", "", " ".join(": ".join(str(cause) for cause in _causes(error)).split()))


def _read(path: Path) -> dict[str, Any]:
    """A YAML file of DVC; a missing one counts as empty.

    Raises:
        DataError: it is not YAML.
    """
    try:
        return (parse_yaml(path.read_text(encoding="utf-8")) if path.is_file() else None) or {}
    except ValueError as error:
        raise DataError(path, f"is damaged ({error})", f"Restore it: git checkout {path}") from None

"""What of DVC is needed: what it states, and its commands ``pull`` and ``repro``.

Statements are read from DVC's files, so that Snakemake can ask for them without importing DVC.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from benchmark.config.load import parse_yaml
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

REMOTE_VARIABLE = "HBENCH_DVC_REMOTE"
"""Environment variable with the folder or URL of a DVC remote, to be used on this machine."""
NEIGHBOUR = Path("../shared/dvc-mirror")
"""A remote that lies beside the project is used without being asked for."""
NOT_HELD = "do not exist neither locally nor on remote"
"""How DVC says that a remote, which it reached, does not hold the data."""
LOCKED = Path(".dvc/tmp/rwlock")
"""Where DVC notes which processes read and write what."""
_TORN = "JSON structure is corrupted"
"""How DVC says that it cannot read `LOCKED`."""
PIPELINES = (Path("dvc.yaml"), Path("data/full/dvc.yaml"))
"""Files of stages; the second one's take hours, and are run when they are asked for. Their paths start at the root."""
_SUPPORT = "Having any troubles? Hit us up at"
"""How DVC begins to name its own support, which cannot help with a user's remote."""


class Stated(BaseModel):
    """What DVC states of one output: its path, hash, and size in bytes."""

    path: str
    md5: str = ""
    size: int = Field(0, ge=0)


@dataclass(frozen=True)
class Generated:
    """A stage that generates an archive.

    Attributes:
        stage: what ``dvc repro`` calls it.
        command: that it runs.
        lock: file in which DVC states what it generated.
    """

    stage: str
    command: str
    lock: Path


class _Outputs(BaseModel):
    outs: list[Stated] = []


class _Pointer(BaseModel):
    outs: list[Stated]


class _Lock(BaseModel):
    stages: dict[str, _Outputs] = {}


class _Stage(BaseModel):
    cmd: Any = ""  # a command, or a list of them
    outs: list[Any] = []  # paths, or mappings of one path to its settings


class _Pipeline(BaseModel):
    stages: dict[str, _Stage] = {}


Content = TypeVar("Content", bound=BaseModel)


def pointer(dataset: str) -> Path:
    """The file that ``dvc add`` writes."""
    return paths.RAW / f"{dataset}.dvc"


def stated(dataset: str) -> Stated | None:
    """What DVC states of the archive; None where it tracks none.

    Raises:
        DataError: its pointer or ``dvc.lock`` is damaged.
    """
    path = paths.raw(dataset)
    if pointer(dataset).is_file():
        folder, outs = pointer(dataset).parent, _read(pointer(dataset), _Pointer).outs
    else:
        locks = [_read(_lock(pipeline), _Lock) for pipeline in PIPELINES]
        folder, outs = Path(), [out for lock in locks for stage in lock.stages.values() for out in stage.outs]
    return next((out for out in outs if folder / out.path == path), None)


def generated(dataset: str) -> Generated | None:
    """The stage that generates the archive; None where it comes from elsewhere.

    Raises:
        DataError: a file of stages is damaged.
    """
    path = paths.raw(dataset).as_posix()
    for pipeline in PIPELINES:
        for name, stage in _read(pipeline, _Pipeline).stages.items():
            if path in stage.outs:
                prefix = f"{pipeline}:" if pipeline.parent != Path() else ""
                return Generated(f"{prefix}{name}", str(stage.cmd), _lock(pipeline))
    return None


def _lock(pipeline: Path) -> Path:
    return pipeline.with_suffix(".lock")


def check_no_link(dataset: str) -> None:
    """Refuses an archive that lies behind a symbolic link, which DVC does not track.

    Raises:
        DataError: its folder, or one above it in the project, is such a link.
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
    """Makes the remote of this machine the default one, in ``.dvc/config.local``, which is never tracked.

    Returns:
        Whether there is a default remote.

    Raises:
        DataError: the variable names a folder that is not there.
    """
    wanted = os.environ.get(REMOTE_VARIABLE)
    if wanted and "://" not in wanted and not Path(wanted).is_dir():
        raise DataError(f"{REMOTE_VARIABLE}={wanted}", "is no folder", "Name the folder or the URL of a DVC remote")
    if not wanted and _default_remote():
        return True
    if not wanted and NEIGHBOUR.is_dir():
        wanted = str(NEIGHBOUR.resolve())
    if not wanted:
        return False
    try:
        call("remote", "add", "--local", "--default", "--force", "mirror", wanted)
    except DataError as error:
        raise DataError(
            f"{REMOTE_VARIABLE}={wanted}", f"is no DVC remote ({error.fault})", "Name the folder or the URL of one"
        ) from None
    return True


def call(*arguments: str) -> None:
    """Runs a DVC command; its output goes where ours goes.

    Raises:
        DataError: it failed.
    """
    done = _dvc(*arguments)
    if done.returncode and _TORN in done.stderr:
        # DVC writes it under a lock, under which it has just read it: whoever left it so is no longer at it.
        LOCKED.unlink(missing_ok=True)
        print(f"{LOCKED} was half written (DVC was killed, or the disk was full), and is removed", flush=True)
        done = _dvc(*arguments)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        reason = " ".join(done.stderr.partition(_SUPPORT)[0].split())
        raise DataError(
            f"dvc {' '.join(arguments)}",
            f"failed: {reason or 'it gave no reason'}",
            "Correct that and run it again",
        )


def _default_remote() -> str:
    return _dvc("config", "core.remote").stdout.strip()


def _dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A stage's command is `python -m ...`: this Python, also when its environment is not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # DVC reports each call to its makers, and leaves the report in the folder of temporary files if it cannot be sent.
    # This repository's .dvc/config forbids it; where that is missing or overruled, nothing leaves the machine either.
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env={**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _read(path: Path, model: type[Content]) -> Content:
    """A YAML file of DVC's; one that is absent is empty.

    Raises:
        DataError: it is no YAML, or not what DVC writes.
    """
    try:
        return model.model_validate((parse_yaml(path.read_text(encoding="utf-8")) if path.is_file() else None) or {})
    except ValidationError as error:
        first = error.errors()[0]
        fault = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")
    except ValueError as error:
        fault = str(error)
    raise DataError(path, f"is damaged ({fault})", f"Restore it: git checkout {path}")

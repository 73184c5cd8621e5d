"""What of DVC is needed: what it states, and its commands ``pull`` and ``repro``.

Statements are read from DVC's files, so that Snakemake can ask for them without importing DVC.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmark import layout
from benchmark.errors import DataError

REMOTE_VARIABLE = "HBENCH_DVC_REMOTE"
"""Environment variable with the folder or URL of a DVC remote, to be used on this machine."""
NEIGHBOUR = Path("../shared/dvc-mirror")
"""A remote that lies beside the project is used without being asked for."""
NOT_HELD = "do not exist neither locally nor on remote"
"""How DVC says that a remote, which it reached, does not hold the data."""
PIPELINE, LOCK = Path("dvc.yaml"), Path("dvc.lock")


def pointer(dataset: str) -> Path:
    """The file that ``dvc add`` writes."""
    return layout.RAW / f"{dataset}.dvc"


def stated(dataset: str) -> dict[str, Any]:
    """What DVC states of the archive: ``md5``, ``size`` and ``nfiles``; empty where it tracks none."""
    path = layout.raw(dataset)
    if pointer(dataset).is_file():
        outs = [{**out, "path": (pointer(dataset).parent / out["path"]).as_posix()} for out in _outs(pointer(dataset))]
    else:
        outs = [out for stage in _read(LOCK).get("stages", {}).values() for out in stage.get("outs", [])]
    return next((out for out in outs if out["path"] == path.as_posix()), {})


def stage_of(dataset: str) -> str | None:
    """Name of the stage in ``dvc.yaml`` that generates the archive."""
    path = layout.raw(dataset).as_posix()
    stages = _read(PIPELINE).get("stages", {}).items()
    return next((name for name, stage in stages if path in stage.get("outs", [])), None)


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
    print(done.stdout, end="", flush=True)
    if done.returncode:
        raise DataError(
            f"dvc {' '.join(arguments)}",
            f"failed: {' '.join(done.stderr.split()) or 'it gave no reason'}",
            "Correct that and run it again",
        )


def _default_remote() -> str:
    return _dvc("config", "core.remote").stdout.strip()


def _dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    # A stage's command is `python -m ...`: this Python, also when its environment is not activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def _outs(path: Path) -> list[dict[str, Any]]:
    outs: list[dict[str, Any]] = _read(path).get("outs", [])
    return outs


def _read(path: Path) -> dict[str, Any]:
    """A YAML file of DVC's; empty where there is none."""
    if not path.is_file():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise DataError(
            path, f"is damaged ({' '.join(str(error).split())})", f"Restore it: git checkout {path}"
        ) from None
    if not isinstance(content, dict):
        raise DataError(path, "is damaged", f"Restore it: git checkout {path}")
    return content

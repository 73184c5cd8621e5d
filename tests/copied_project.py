"""A fresh copy of the project, in which the pipeline is run, and killed, and run again.

``python tests/copied_project.py 20`` kills preparations of a tiny phantom at random moments, until twenty were hit.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

from benchmark.config.load import load_dataset
from benchmark.runtime import paths

ROOT = Path(__file__).parents[1]
CONFIG = "config/smoke.yaml"


def copied_project(copy: Path) -> Path:
    """What git tracks or would track, without any data or result."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    call(copy, "git", "init", "--quiet")
    return copy


def environment(project: Path) -> dict[str, str]:
    # The copy's own code, also where another one is installed.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(project), "CI": "true"}


def call(project: Path, *command: str, succeed: bool = True) -> str:
    """Output of a command that is run in the copied project."""
    done = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) == succeed, output[-6000:]
    return output


def prepare_command(dataset: str) -> list[str]:
    """Archive to slices, and the division of the subjects."""
    splits = [paths.splits(dataset, pair).as_posix() for pair in load_dataset(dataset).pairs]
    return ["snakemake", paths.slices(dataset).as_posix(), *splits, "--cores", "2", "--configfile", CONFIG]


def kill_and_resume(project: Path, dataset: str, kills: int, seed: int, longest: float = 25.0) -> int:
    """Kills a preparation, with all its jobs, at random moments; then lets it end. Returns how many kills hit it."""
    moments, hits = random.Random(seed), 0
    for _ in range(kills):
        process = subprocess.Popen(
            prepare_command(dataset),
            cwd=project,
            env=environment(project),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(moments.uniform(3.0, longest))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            hits += 1
        process.wait()
    call(project, *prepare_command(dataset))
    return hits


def prepared(project: Path, dataset: str) -> dict[str, bytes]:
    """Every file that preparation left, but for the records, which hold times."""
    folder = project / "data/prepared" / dataset
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name not in ("subject.json", ".snakemake_timestamp")
    }


def main(kills: int, dataset: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        undisturbed = copied_project(Path(folder))
        call(undisturbed, *prepare_command(dataset))
        longest, hits, expected = time.perf_counter() - begun, 0, prepared(undisturbed, dataset)
    for number in count():
        if hits == kills:
            break
        with tempfile.TemporaryDirectory() as folder:
            killed = copied_project(Path(folder))
            hits += kill_and_resume(killed, dataset, kills=1, seed=number, longest=longest)
            assert prepared(killed, dataset) == expected
        print(
            f"preparation {number + 1}, {hits} killed: {len(expected)} files are those of an undisturbed run",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "retouch_phantom_tiny")

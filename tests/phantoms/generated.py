"""Generates the tiny datasets as the DVC stages do."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("ixi", "msseg", "retouch")
ONE = {"ixi": slice(1), "msseg": slice(3, 4), "retouch": slice(1)}
"""For each kind, a subject with truth, which every scanner sees that any of this kind is seen by."""
SOME = """
import sys
from benchmark.phantoms import __main__, {kind}
every = {kind}.subjects
{kind}.subjects = lambda size: every(size)[{only!r}]
if __name__ == "__main__":
    sys.exit(__main__.main(sys.argv[1:]))
"""


def command(kind: str, folder: Path, jobs: int, only: slice = slice(None)) -> list[str]:
    """Generates these subjects of a tiny dataset."""
    code = ["-m", "benchmark.phantoms"] if only == slice(None) else ["-c", SOME.format(kind=kind, only=only)]
    return [sys.executable, *code, kind, "tiny", str(folder), "--jobs", str(jobs)]


def run(arguments: list[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(arguments, cwd=ROOT, env={**os.environ, **(environment or {})}, check=True, capture_output=True)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

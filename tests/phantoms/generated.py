"""Generates the tiny datasets as the DVC stages do."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("ixi", "msseg", "retouch")


def generate(folder: Path, jobs: int, environment: dict[str, str]) -> None:
    """Writes the tiny datasets with one process per kind."""
    for kind in KINDS:
        command = [sys.executable, "-m", "benchmark.phantoms", kind, "tiny", str(folder / kind), "--jobs", str(jobs)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True)

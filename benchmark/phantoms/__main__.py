"""``python -m benchmark.phantoms KIND SIZE FOLDER``, the command of the DVC stages."""

import argparse
import sys
from pathlib import Path

from benchmark.phantoms.generate import KINDS, SIZES, generate
from benchmark.phantoms.processes import process_count
from benchmark.runtime.errors import UserError


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Writes one phantom dataset; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.phantoms", description="Write a phantom dataset.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("size", choices=SIZES)
    parser.add_argument("folder", type=Path, help="the dataset's folder; must not exist yet")
    parser.add_argument("--jobs", type=_positive, help="processes (default: as many as cores and free memory allow)")
    chosen = parser.parse_args(arguments)
    try:
        jobs = chosen.jobs or process_count(chosen.kind, chosen.size)
        count = generate(chosen.kind, chosen.size, chosen.folder, jobs)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{chosen.folder}: {count} subjects")
    return 0


if __name__ == "__main__":
    sys.exit(main())

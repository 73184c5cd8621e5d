"""``python -m benchmark.phantoms KIND SIZE FOLDER``: the command of the DVC stages."""

import argparse
import os
import sys
from pathlib import Path

from benchmark.errors import UserError
from benchmark.phantoms.generate import KINDS, SIZES, generate


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
    parser.add_argument(
        "--jobs", type=_positive, default=len(os.sched_getaffinity(0)), help="processes at a time (default: all cores)"
    )
    chosen = parser.parse_args(arguments)
    try:
        count = generate(chosen.kind, chosen.size, chosen.folder, chosen.jobs)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{chosen.folder}: {count} subjects")
    return 0


if __name__ == "__main__":
    sys.exit(main())

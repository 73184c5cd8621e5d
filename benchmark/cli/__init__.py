"""The command ``hbench``."""

from benchmark.cli.app import app
from benchmark.cli.errors import OUT_OF_MEMORY, fail, reported_errors

__all__ = ["OUT_OF_MEMORY", "fail", "main", "reported_errors"]


def main() -> None:
    """Runs the command line."""
    with reported_errors():
        app()

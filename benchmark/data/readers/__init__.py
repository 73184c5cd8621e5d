"""Readers: one module for each archive, each with a function ``read`` (see :class:`benchmark.data.subject.Reader`)."""

import importlib
from pathlib import Path

from benchmark.config.load import suggestion
from benchmark.data.subject import Reader
from benchmark.errors import ConfigError


def available() -> list[str]:
    """Names of all readers, without importing any."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def check_reader(name: str) -> None:
    """Refuses a reader that is not there, without importing the one that is.

    Raises:
        ConfigError: there is no such reader.
    """
    if name not in available():
        raise ConfigError(
            f"reader '{name}'",
            "there is no such reader" + suggestion(name, available()),
            "Readers are the files in benchmark/data/readers",
        )


def reader(name: str) -> Reader:
    """The function ``read`` of ``benchmark/data/readers/<name>.py``.

    Raises:
        ConfigError: there is no such reader.
    """
    check_reader(name)
    read: Reader = importlib.import_module(f"benchmark.data.readers.{name}").read
    return read

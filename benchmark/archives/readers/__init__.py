"""Readers: a module for each archive, with a function ``read`` (:class:`benchmark.archives.subject.Reader`)."""

import importlib
from collections.abc import Iterator
from pathlib import Path

from benchmark.archives.subject import Reader, Subject
from benchmark.config.load import suggestion
from benchmark.runtime.errors import ConfigError, DataError


def available() -> list[str]:
    """Names of all readers, without importing any."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))


def check_reader(name: str) -> None:
    """Checks that a reader exists, without importing it.

    Raises:
        ConfigError: there is no such reader.
    """
    if name not in available():
        raise ConfigError(
            f"reader '{name}'",
            "there is no such reader" + suggestion(name, available()),
            "Readers are the files in benchmark/archives/readers",
        )


def reader(name: str) -> Reader:
    """The function ``read`` of ``benchmark/archives/readers/<name>.py``.

    Raises:
        ConfigError: there is no such reader.
    """
    check_reader(name)
    read: Reader = importlib.import_module(f"benchmark.archives.readers.{name}").read
    return read


def read(name: str, root: Path) -> Iterator[Subject]:
    """Subjects of the archive at ``root``.

    Raises:
        ConfigError: there is no such reader.
        DataError: the first fault.
    """
    for found in reader(name)(root):
        if isinstance(found, DataError):
            raise found
        yield found

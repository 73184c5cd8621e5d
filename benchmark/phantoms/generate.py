"""Writes a whole phantom dataset, subjects side by side.

At full size that takes an hour or more, so what was finished of a generation that ended early is kept beside the
dataset's folder, and the same command goes on from there.
"""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from benchmark.errors import UserError
from benchmark.locks import lock
from benchmark.processes import side_by_side

KINDS = ("ixi", "msseg", "retouch")
SIZES = ("tiny", "small", "full")


class Kind(Protocol):
    """A module that makes one dataset; its subjects depend on nothing but their name and the size."""

    def subjects(self, size: str) -> list[str]:
        """Names of all subjects."""

    def write(self, subject: str, size: str, folder: Path) -> None:
        """Writes all files of one subject under ``folder``."""


def load_kind(kind: str) -> Kind:
    """The module of a kind. Only that one is imported, as only that one is among its DVC stage's dependencies."""
    return cast(Kind, import_module(f"benchmark.phantoms.{kind}"))


def generate(kind: str, size: str, out: Path, jobs: int) -> int:
    """Writes the dataset to ``out``, which appears only when it is whole.

    Args:
        kind: one of ``KINDS``.
        size: one of ``SIZES``.
        out: the dataset's folder; must not exist yet.
        jobs: processes at a time; the bytes do not depend on it.

    Returns:
        The number of subjects.

    Raises:
        UserError: ``out`` exists, another process is writing it, or there is no room for it. Finished subjects are
            kept for the next time.
        DataError: the template is not the one that is expected.
    """
    if out.exists():
        raise UserError(out, "exists already", "Remove it, or name another folder")
    names = load_kind(kind).subjects(size)
    try:
        with _unfinished(out, f"{kind} {size} {_code()}") as folder:
            side_by_side(_write, [(kind, name, size, folder / str(n)) for n, name in enumerate(names)], jobs)
            whole = folder / "whole"
            for n in range(len(names)):
                _move(folder / str(n), whole)
            whole.rename(out)
    except OSError as error:
        raise UserError(
            out,
            f"cannot be written ({error.strerror or error})",
            "Make room, and run it again: finished subjects are kept; or name another folder",
        ) from error
    return len(names)


def _code() -> str:
    """Changes with the phantoms' code, and with it what a generation that ended early is good for."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


@contextmanager
def _unfinished(out: Path, content: str) -> Iterator[Path]:
    """The folder of a dataset that is being written: gone when the dataset is whole, else kept.

    Args:
        content: what is written; what another generation left of another content is removed.

    Raises:
        UserError: another process is writing it.
    """
    folder = out.with_name(f".{out.name}-unfinished")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "content").open("a+", encoding="utf-8") as held:
        if not lock(held):
            raise UserError(out, "is being written by another process", "Wait until it is done")
        held.seek(0)
        if held.read() != content:
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
            held.truncate(0)
            held.write(content)
            held.flush()
        yield folder
        shutil.rmtree(folder)


def _write(kind: str, subject: str, size: str, folder: Path) -> None:
    """Writes one subject, unless it is there: a folder has its name when all of its files are in it."""
    if folder.is_dir():
        return
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    load_kind(kind).write(subject, size, part)
    part.rename(folder)


def _move(subject: Path, whole: Path) -> None:
    """Moves a subject's files into the dataset; those that were moved before an interruption are there already."""
    for file in sorted(path for path in subject.rglob("*") if path.is_file()):
        place = whole / file.relative_to(subject)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)

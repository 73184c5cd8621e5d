"""Writes a whole phantom dataset, subjects side by side."""

import multiprocessing
import shutil
import tempfile
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from benchmark.errors import UserError

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


def _write(kind: str, subject: str, size: str, folder: Path) -> None:
    load_kind(kind).write(subject, size, folder)


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
        UserError: ``out`` exists, or there is no room for it.
        DataError: the template is not the one that is expected.
    """
    if out.exists():
        raise UserError(out, "exists already", "Remove it, or name another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    names = load_kind(kind).subjects(size)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        unfinished.chmod(0o755)
        _write_all(kind, names, size, unfinished, jobs)
        unfinished.rename(out)
    except OSError as error:
        raise UserError(
            out, f"cannot be written ({error.strerror or error})", "Make room, or name another folder"
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return len(names)


def _write_all(kind: str, names: list[str], size: str, folder: Path, jobs: int) -> None:
    # spawned, not forked: the same on every platform, and nothing of the parent's threads is inherited
    with ProcessPoolExecutor(min(jobs, len(names)), mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_write, kind, name, size, folder) for name in names]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

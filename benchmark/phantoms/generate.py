"""Generates a phantom dataset with several processes.

At full size this takes an hour or more, so the finished subjects of an interrupted generation are kept beside the
dataset's folder, and the same command continues with them.
"""

import errno
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Protocol, cast

from benchmark.runtime.errors import UserError
from benchmark.runtime.locks import lock
from benchmark.runtime.parallel import run_parallel

KINDS = ("ixi", "msseg", "retouch")
SIZES = ("tiny", "small", "standard", "full")
PATIENCE = 20.0
"""Seconds to wait for the lock: processes of a killed generation end a moment after it."""


class Kind(Protocol):
    """A module that generates one dataset. A subject depends only on its name and the size."""

    def subjects(self, size: str) -> list[str]:
        """Names of all subjects."""

    def write(self, subject: str, size: str, folder: Path) -> None:
        """Writes all files of one subject under ``folder``."""


def load_kind(kind: str) -> Kind:
    """Imports the module of a kind, and no other, because a DVC stage depends on its own kind only."""
    return cast(Kind, import_module(f"benchmark.phantoms.{kind}"))


def generate(kind: str, size: str, out: Path, jobs: int) -> int:
    """Writes the dataset to ``out``, which appears only when it is complete.

    Args:
        kind: one of ``KINDS``.
        size: one of ``SIZES``.
        out: the dataset's folder; must not exist yet.
        jobs: number of processes; the bytes do not depend on it.

    Returns:
        The number of subjects.

    Raises:
        UserError: ``out`` exists, another process writes it, the disk is full, a process was killed, or a file of a
            finished subject is missing. Finished subjects are kept.
        DataError: the template has the wrong checksum.
    """
    _check_absent(out)
    names = load_kind(kind).subjects(size)
    try:
        with _unfinished(out, f"{kind} {size} {_code()}") as (folder, held):
            _check_absent(out)  # another generation may have ended just now
            todo = [(kind, name, size, folder / str(n)) for n, name in enumerate(names)]
            how = f"fewer processes (--jobs; there were up to {jobs}) or more memory"
            fewer = f"Run it again with {how}: finished subjects are kept"
            run_parallel(_write, todo, jobs, product=out, remedy=fewer, held=held)
            whole = folder / "whole"
            for n in range(len(names)):
                _move(folder / str(n), whole)
            if absent := [name for n, name in enumerate(names) if not _finished(folder / str(n))]:
                remedy = f"Make sure that nothing else writes in {folder}, and run it again: finished subjects are kept"
                raise UserError(out, f"files of these subjects are missing: {', '.join(absent)}", remedy)
            whole.rename(out)
    except OSError as error:
        raise UserError(out, f"cannot be written ({error.strerror or error})", _remedy(error)) from error
    return len(names)


def _check_absent(out: Path) -> None:
    if out.exists():
        raise UserError(out, "exists already", "Remove it, or name another folder")


def _remedy(error: OSError) -> str:
    kept = "and run it again: finished subjects are kept"
    if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
        return f"Make sure that nothing else writes or removes it meanwhile, {kept}"
    remedy = "Free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "Correct that"
    return f"{remedy}, {kept}; or name another folder"


def _code() -> str:
    """A digest of this package: subjects that other code generated are not kept."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


@contextmanager
def _unfinished(out: Path, content: str) -> Iterator[tuple[Path, IO[str]]]:
    """The folder of an unfinished dataset and its locked file. The folder is removed on success and kept on failure.

    Args:
        content: kind, size and code; subjects of an earlier generation with other content are removed.

    Raises:
        UserError: another process still writes the dataset after ``PATIENCE`` seconds.
    """
    folder = out.with_name(f".{out.name}-unfinished")
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + PATIENCE
    with (folder / "content").open("a+", encoding="utf-8") as held:
        while not lock(held):
            if time.monotonic() > until:
                raise UserError(out, "is being written by another process", "Wait until it is done")
            time.sleep(0.1)
        held.seek(0)
        if held.read() != content:
            for path in folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
            held.truncate(0)
            held.write(content)
            held.flush()
        yield folder, held
        shutil.rmtree(folder)


def _write(kind: str, subject: str, size: str, folder: Path) -> None:
    """Writes a subject's files to ``folder/data`` and their names to ``folder/files``, unless they are there."""
    if _finished(folder):
        return
    part = folder.with_name(f"{folder.name}.part")
    for left in (part, folder):
        if left.exists():
            shutil.rmtree(left)
    data = part / "data"
    data.mkdir(parents=True)
    load_kind(kind).write(subject, size, data)
    names = [path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()]
    (part / "files").write_text("\n".join(names), encoding="utf-8")
    part.rename(folder)


def _finished(subject: Path) -> bool:
    """Whether all files of a subject exist, here or moved into the dataset."""
    listed = subject / "files"
    return listed.is_file() and all(
        (subject / "data" / name).is_file() or (subject.parent / "whole" / name).is_file()
        for name in listed.read_text(encoding="utf-8").split("\n")
    )


def _move(subject: Path, whole: Path) -> None:
    """Moves a subject's files into the dataset; after an interruption, some may be there already."""
    data = subject / "data"
    for file in sorted(path for path in data.rglob("*") if path.is_file()):
        place = whole / file.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)

"""Writes a whole phantom dataset, subjects side by side.

At full size that takes an hour or more, so what was finished of a generation that ended early is kept beside the
dataset's folder, and the same command goes on from there.
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
SIZES = ("tiny", "small", "full")
PATIENCE = 20.0
"""Seconds that a generation waits for the processes of another, which end a moment after it where it was killed."""


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
        UserError: ``out`` exists, another process is writing it, there is no room for it, a process was killed, or a
            file of a finished subject is missing. Finished subjects are kept for the next time.
        DataError: the template is not the one that is expected.
    """
    _check_absent(out)
    names = load_kind(kind).subjects(size)
    try:
        with _unfinished(out, f"{kind} {size} {_code()}") as (folder, held):
            _check_absent(out)  # another generation may just have ended
            todo = [(kind, name, size, folder / str(n)) for n, name in enumerate(names)]
            said = f"fewer processes (--jobs; there were up to {jobs}) or more memory"
            fewer = f"Run it again with {said}: finished subjects are kept"
            run_parallel(_write, todo, jobs, product=out, remedy=fewer, held=held)
            whole = folder / "whole"
            for n in range(len(names)):
                _move(folder / str(n), whole)
            if absent := [name for n, name in enumerate(names) if not _finished(folder / str(n))]:
                remedy = f"See that nothing else writes in {folder}, and run it again: finished subjects are kept"
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
        return f"See that nothing else writes or removes it meanwhile, {kept}"
    cure = "Make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "See to that"
    return f"{cure}, {kept}; or name another folder"


def _code() -> str:
    """Changes with the phantoms' code, and with it what a generation that ended early is good for."""
    modules = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()


@contextmanager
def _unfinished(out: Path, content: str) -> Iterator[tuple[Path, IO[str]]]:
    """The folder of a dataset that is being written, and its locked file: gone when the dataset is whole, else kept.

    Args:
        content: what is written; what another generation left of another content is removed.

    Raises:
        UserError: another process is writing it, and still is after ``PATIENCE`` seconds.
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
    """Writes one subject's files to ``folder/data`` and their list to ``folder/files``, unless it is finished."""
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
    """Whether all of a subject's files are there; those that were moved into the dataset count."""
    listed = subject / "files"
    return listed.is_file() and all(
        (subject / "data" / name).is_file() or (subject.parent / "whole" / name).is_file()
        for name in listed.read_text(encoding="utf-8").split("\n")
    )


def _move(subject: Path, whole: Path) -> None:
    """Moves a subject's files into the dataset; those that were moved before an interruption are there already."""
    data = subject / "data"
    for file in sorted(path for path in data.rglob("*") if path.is_file()):
        place = whole / file.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)

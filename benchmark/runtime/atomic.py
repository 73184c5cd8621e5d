"""Files and folders that are whole or absent: written under a temporary name beside the final one, then renamed."""

import csv
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A temporary path that takes the name ``path`` when the block ends, and vanishes when it raises."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        _name(error, temporary, path)
        raise
    finally:
        # A fault of removing what could not be written, as on a read-only disk, would hide why.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def atomic_folder(folder: Path, *, flushed: bool = False) -> Iterator[Path]:
    """A temporary folder that takes the place of ``folder`` when the block ends, and vanishes when it raises.

    Args:
        flushed: the files are on the disk before the folder has its name, so that it is whole after a power cut too.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        yield temporary
        if flushed:
            for path in (*temporary.iterdir(), temporary):
                _flush(path)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
        if flushed:
            _flush(folder.parent)
    except OSError as error:
        _name(error, temporary, folder)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name(error: OSError, temporary: Path, final: Path) -> None:
    """Names the final path, where the error names none (as of a full disk) or the temporary one."""
    if error.filename is None or str(error.filename).startswith(str(temporary)):
        error.filename = str(final)


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file, in UTF-8."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_private(path: Path, text: str) -> None:
    """Writes a text file that its owner alone can read; when this returns, it is on the disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(text, encoding="utf-8")
        _flush(temporary)
    _flush(path.parent)


def write_table(path: Path, table: "pd.DataFrame") -> None:
    """Writes a CSV without its index; equal tables are equal files."""
    write_atomically(path, table.to_csv(index=False, float_format="%.9g", lineterminator="\n"))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Writes a CSV with floats in full."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue())

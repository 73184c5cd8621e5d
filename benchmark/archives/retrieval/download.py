"""Public downloads by a table: in parallel, resumed file by file, each file's hash checked before it gets its name."""

import csv
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import Field, TypeAdapter, ValidationError

from benchmark.runtime.errors import DataError

BASE = "https://github.com"
BASE_VARIABLE = "HBENCH_DOWNLOAD_BASE"
"""Environment variable that names a mirror, which serves everything under the paths that it has at its origin."""
_COLUMNS = ("file", "repository", "commit", "path", "bytes", "sha256")
_WORKERS = 8
_RETRIES = 2
_TIMEOUT = 60  # seconds without an answer


@dataclass(frozen=True)
class Source:
    """Where one file of an archive comes from."""

    file: Annotated[str, Field(min_length=1)]
    repository: str
    commit: str
    path: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    def url(self, base: str) -> str:
        return f"{base.rstrip('/')}/{self.repository}/raw/{self.commit}/{quote(self.path)}"


def at_mirror(url: str) -> str:
    """Where the mirror, if there is one, has what is at ``url``."""
    base = os.environ.get(BASE_VARIABLE)
    return f"{base.rstrip('/')}{urlsplit(url).path}" if base else url


def read_sources(table: Path) -> list[Source]:
    """The table of a dataset's public files.

    Raises:
        DataError: missing, damaged, other columns, or a file whose path leaves the archive.
    """
    restore = f"Restore it: git checkout {table}"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise DataError(table, "is missing", restore) from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(table, f"is damaged ({error})", restore) from None
    if not rows or tuple(rows[0]) != _COLUMNS:
        raise DataError(table, f"does not have the columns {', '.join(_COLUMNS)}", restore)
    sources = []
    for number, row in enumerate(rows, start=2):
        try:
            sources.append(TypeAdapter(Source).validate_python(row))
        except ValidationError as error:
            first = error.errors()[0]
            where = f"line {number}, {first['loc'][0]}"
            raise DataError(table, f"is damaged ({where}: {first['msg']})", restore) from None
    for source in sources:
        if Path(source.file).is_absolute() or ".." in Path(source.file).parts:
            raise DataError(table, f"names {source.file}, which leaves the archive", "Correct the table")
    return sources


def complete(sources: Sequence[Source], folder: Path) -> bool:
    """Whether every file is in ``folder`` with its hash."""
    import pooch

    return all(
        (folder / s.file).is_file() and pooch.file_hash(str(folder / s.file), alg="sha256") == s.sha256 for s in sources
    )


def download(sources: Sequence[Source], folder: Path, base: str | None = None) -> None:
    """Gets what is missing or damaged; what is whole stays, so that a broken download goes on where it broke.

    Args:
        base: the server; without it, the environment variable HBENCH_DOWNLOAD_BASE, else GitHub.

    Raises:
        DataError: a file cannot be had, or is not what the table says. Nothing of it is left behind.
    """
    import pooch
    from tqdm import tqdm

    base = base or os.environ.get(BASE_VARIABLE) or BASE
    pooch.get_logger().setLevel(logging.WARNING)
    store = pooch.create(
        path=folder,
        base_url="",
        registry={s.file: f"sha256:{s.sha256}" for s in sources},
        urls={s.file: s.url(base) for s in sources},
        retry_if_failed=_RETRIES,
    )
    fetch = pooch.HTTPDownloader(timeout=_TIMEOUT)
    # pooch would make them itself, and stumble where two threads make the same one
    for parent in {(folder / s.file).parent for s in sources}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_WORKERS) as pool, tqdm(total=len(sources), unit="file", desc=folder.name) as bar:
        running = {pool.submit(store.fetch, s.file, downloader=fetch): s for s in sources}
        try:
            for done in as_completed(running):
                _raise_told(done.exception(), running[done], base)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _raise_told(error: BaseException | None, source: Source, base: str) -> None:
    """Raises what went wrong with one file, as a message where it is the server's or the connection's fault."""
    if isinstance(error, ValueError):
        raise DataError(
            source.url(base), "is not the file that the table names: its hash differs", "Report it to the maintainers"
        ) from None
    # What requests raises is an OSError without a number; one with a number is the disk's.
    if isinstance(error, OSError) and error.errno is None:
        raise DataError(
            source.url(base),
            f"cannot be downloaded ({error})",
            "Run it again: files that are whole are kept; or configure a DVC remote that holds the archive",
        ) from None
    if error is not None:
        raise error

"""Downloads the public files of a table in parallel; complete files are kept, and each hash is checked."""

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
"""Environment variable with the URL of a mirror, which serves files under their original paths."""
_WORKERS = 8
_RETRIES = 2
_TIMEOUT = 60  # seconds without an answer


@dataclass(frozen=True)
class Source:
    """Source of one file of an archive."""

    file: Annotated[str, Field(min_length=1)]
    repository: str
    commit: str
    path: str
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

    def url(self, base: str) -> str:
        return f"{base.rstrip('/')}/{self.repository}/raw/{self.commit}/{quote(self.path)}"


def at_mirror(url: str) -> str:
    """The URL of a file on the mirror, if one is configured."""
    base = os.environ.get(BASE_VARIABLE)
    return f"{base.rstrip('/')}{urlsplit(url).path}" if base else url


def read_sources(table: Path) -> list[Source]:
    """The table of a dataset's public files.

    Raises:
        DataError: it is missing or damaged.
    """
    restore = f"Restore it: git checkout {table}"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            return TypeAdapter(list[Source]).validate_python(list(csv.DictReader(file)))
    except FileNotFoundError:
        raise DataError(table, "is missing", restore) from None
    except ValidationError as error:
        first = error.errors()[0]
        row, *column = first["loc"]
        where = ", ".join([f"line {int(row) + 2}", *map(str, column)])
        raise DataError(table, f"is damaged ({where}: {first['msg']})", restore) from None


def complete(sources: Sequence[Source], folder: Path) -> bool:
    """Whether every file is in ``folder`` with its hash."""
    import pooch

    return all(
        (folder / s.file).is_file() and pooch.file_hash(str(folder / s.file), alg="sha256") == s.sha256 for s in sources
    )


def download(sources: Sequence[Source], folder: Path, base: str | None = None) -> None:
    """Downloads what is missing or damaged; complete files stay, so that a broken download can be resumed.

    Args:
        base: the server; by default the environment variable HBENCH_DOWNLOAD_BASE, else GitHub.

    Raises:
        DataError: a file is not available, or differs from the table; nothing of it is kept.
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
    # pooch fails if two threads make the same folder
    for parent in {(folder / s.file).parent for s in sources}:
        parent.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_WORKERS) as pool, tqdm(total=len(sources), unit="file", desc=folder.name) as bar:
        running = {pool.submit(store.fetch, s.file, downloader=fetch): s for s in sources}
        try:
            for done in as_completed(running):
                _raise_error(done.exception(), running[done], base)
                bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _raise_error(error: BaseException | None, source: Source, base: str) -> None:
    """Raises the error of one file, as a DataError if the server or the connection is at fault."""
    if isinstance(error, ValueError):
        raise DataError(
            source.url(base), "is not the file that the table names: its hash differs", "Report it to the maintainers"
        ) from None
    # requests raises OSErrors without a number; those with a number come from the disk.
    if isinstance(error, OSError) and error.errno is None:
        raise DataError(
            source.url(base),
            f"cannot be downloaded ({error})",
            "Run it again: complete files are kept; or configure a DVC remote that holds the archive",
        ) from None
    if error is not None:
        raise error

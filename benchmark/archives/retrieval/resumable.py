"""Downloads one large public file: resumes after a broken connection or a killed process, and checks the hash."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError
from benchmark.runtime.locks import lock

if TYPE_CHECKING:
    import requests

_RETRIES = 5
"""Allowed consecutive attempts without a single byte."""
_BACKOFF = 1.0  # seconds before the second attempt; doubled for each further one
_BUSY = (429, 500, 502, 503, 504)  # status codes of temporary failures
_TIMEOUT = 60  # seconds without a byte
_BLOCK = 1 << 16  # bytes


def download_file(url: str, md5: str, path: Path) -> None:
    """Downloads one file. Until it is complete, it has another name, and a second file identifies its version.

    Raises:
        DataError: it is not available, is not the expected file, another process downloads it, or the disk is full.
    """
    import pooch

    path.parent.mkdir(parents=True, exist_ok=True)
    part, version = (path.with_name(f"{path.name}{kind}{paths.UNFINISHED}") for kind in ("", ".version"))
    with _locked(part) as file:
        _fill(url, file, version)
        found = pooch.file_hash(str(part), alg="md5")
        if found == md5:
            os.replace(part, path)
        else:
            part.unlink()
        version.unlink(missing_ok=True)
    if found != md5:
        raise DataError(
            url,
            f"is not the expected file: its MD5 hash is {found} and not {md5}; what arrived was removed",
            "Run it again; if that does not help, get the file in another way, or report it to the maintainers",
        )


def check_room(folder: Path, needed: int) -> None:
    """Raises DataError if less than ``needed`` bytes are free for a folder, which need not exist yet."""
    free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
    if free < needed:
        raise DataError(
            folder,
            f"needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free",
            "Free some space, and run it again: finished files are kept",
        )


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """The file, open for appending, locked, and removed at the end if it is empty."""
    with part.open("ab") as file:
        try:
            # The process that held the lock may have renamed the file meanwhile.
            ours = lock(file) and os.path.samestat(os.fstat(file.fileno()), part.stat())
        except FileNotFoundError:
            ours = False
        if not ours:
            raise DataError(part, "is being downloaded by another process", "Wait until that is done")
        try:
            yield file
        finally:
            if not file.seek(0, os.SEEK_END):
                part.unlink(missing_ok=True)


def _fill(url: str, file: BinaryIO, version: Path) -> None:
    """Repeats requests until the file is complete, or several in a row bring nothing."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry
    from urllib3.exceptions import HTTPError

    retry = Retry(total=_RETRIES, backoff_factor=_BACKOFF, status_forcelist=_BUSY)
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        fruitless = 0
        while True:
            had = file.seek(0, os.SEEK_END)
            try:
                return _receive(session, url, file, version)
            except HTTPError as error:  # within the content, where requests does not retry
                fruitless = 0 if file.seek(0, os.SEEK_END) > had else fruitless + 1
                if fruitless > _RETRIES:
                    raise _failure(url, error) from None
                time.sleep(_BACKOFF * 2**fruitless)


def _receive(session: "requests.Session", url: str, file: BinaryIO, version: Path) -> None:
    """Requests the missing part, and appends it.

    A server that cannot resume, or has a new version, sends the whole file (RFC 9110, section 13.1.5).
    """
    had = file.seek(0, os.SEEK_END)
    validator = version.read_text(encoding="latin-1") if had and version.is_file() else ""
    # Without "identity", a server may compress, and ranges would count compressed bytes.
    headers = {"Accept-Encoding": "identity"}
    if validator:
        headers |= {"Range": f"bytes={had}-", "If-Range": validator}
    with _request(session, url, headers) as response:
        stated = response.headers.get("Content-Range", "")
        if response.status_code == 416 and stated == f"bytes */{had}":
            return  # a process was killed between the last byte and the check
        if response.status_code == 200:
            had = file.truncate(0)
        elif not validator:
            raise _failure(url, f"the server answers {response.status_code} {response.reason}")
        elif not stated.startswith(f"bytes {had}-") or _validator(response) not in ("", validator):
            file.truncate(0)
            return _receive(session, url, file, version)
        length = int(response.headers.get("Content-Length", 0))
        check_room(version.parent, length)
        if not had:
            write_atomically(version, _validator(response))
        _append(response, file, had, length)


def _request(session: "requests.Session", url: str, headers: dict[str, str]) -> "requests.Response":
    """The response, before its content.

    Raises:
        DataError: there is none, or the server does not have the file.
    """
    import requests

    try:
        response = session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
        if response.status_code != 416:
            response.raise_for_status()
    except requests.RequestException as error:
        raise _failure(url, error) from None
    return response


def _validator(response: "requests.Response") -> str:
    """What identifies a version: a strong ETag, else the time of the last change, else nothing.

    A weak ETag, W/"...", does not promise the same bytes.
    """
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _append(response: "requests.Response", file: BinaryIO, had: int, length: int) -> None:
    """Writes the content after the first ``had`` bytes: ``length`` bytes, or 0 if the server does not state it."""
    from tqdm import tqdm

    with tqdm(
        total=had + length if length else None,
        initial=had,
        unit="B",
        unit_scale=True,
        desc=Path(file.name).name.removesuffix(paths.UNFINISHED),
        # A log file keeps all states of the bar.
        mininterval=0.1 if sys.stderr.isatty() else 60,
    ) as bar:
        # read would wait for a whole block, and lose a partial one if the connection breaks.
        while block := response.raw.read1(_BLOCK, decode_content=False):
            file.write(block)
            file.flush()
            bar.update(len(block))


def _failure(url: str, why: object) -> DataError:
    return DataError(
        url,
        f"cannot be downloaded ({why})",
        "Run it again: it resumes where it stopped; or put the file in its place yourself",
    )

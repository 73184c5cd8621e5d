"""Downloads one large public file: resumes after a broken connection or a killed process, and checks the hash."""

import os
import shutil
import sys
import time
from pathlib import Path
from typing import BinaryIO

from benchmark.runtime import paths
from benchmark.runtime.errors import DataError
from benchmark.runtime.locks import lock

_RETRIES = 5
"""Allowed consecutive attempts without a single byte."""
_BACKOFF = 1.0  # seconds before the second attempt; doubled for each further one
_BUSY = (429, 500, 502, 503, 504)  # status codes of temporary failures
_TIMEOUT = 60  # seconds without a byte
_BLOCK = 1 << 16  # bytes


def download_file(url: str, md5: str, path: Path) -> None:
    """Downloads one file. Until it is complete, it has another name, under which the next call resumes it.

    Raises:
        DataError: it is not available, is not the expected file, another process downloads it, or the disk is full.
    """
    import pooch

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}{paths.UNFINISHED}")
    with part.open("ab") as file:
        if not lock(file):
            raise DataError(part, "is being downloaded by another process", "Wait until that is done")
        _fill(url, file)
    found = pooch.file_hash(str(part), alg="md5")
    if found == md5:
        os.replace(part, path)
        return
    part.unlink()
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


def _fill(url: str, file: BinaryIO) -> None:
    """Repeats requests until the file is complete, or several in a row bring nothing."""
    import requests
    from urllib3.exceptions import HTTPError

    fruitless = 0
    while True:
        had = file.seek(0, os.SEEK_END)
        try:
            return _receive(url, file, had)
        except (requests.RequestException, HTTPError) as error:
            fruitless = 0 if file.seek(0, os.SEEK_END) > had else fruitless + 1
            response = getattr(error, "response", None)
            if fruitless > _RETRIES or (response is not None and response.status_code not in _BUSY):
                remedy = "Run it again: it resumes where it stopped; or put the file in its place yourself"
                raise DataError(url, f"cannot be downloaded ({error})", remedy) from None
            time.sleep(_BACKOFF * 2**fruitless)


def _receive(url: str, file: BinaryIO, had: int) -> None:
    """Requests what follows the first ``had`` bytes, and appends it."""
    import requests
    from tqdm import tqdm

    # Without "identity", a server may compress, and ranges would count compressed bytes.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={had}-"} if had else {})}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if had and response.status_code == 416:
            return  # a process was killed between the last byte and the check
        response.raise_for_status()
        if response.status_code == 200:  # a server that cannot resume sends the whole file
            had = file.truncate(0)
        length = int(response.headers.get("Content-Length", 0))
        check_room(Path(file.name).parent, length)
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

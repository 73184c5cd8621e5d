"""Tables with a checksum: without it, nothing would show that a table has lost rows.

``scores.csv`` has ``scores.csv.sha256``, in the format of ``sha256sum``.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import pandas as pd

from benchmark.runtime.atomic import write_atomically, write_table
from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing


def checksum_file(path: Path) -> Path:
    """The file that states a table's hash."""
    return path.with_name(f"{path.name}.sha256")


def write_with_checksum(path: Path, table: pd.DataFrame) -> None:
    """Writes a CSV file as :func:`benchmark.runtime.atomic.write_table` does, and its hash."""
    write_table(path, table)
    write_checksum(path)


def write_checksum(path: Path) -> None:
    """Writes the hash of a table that is there."""
    write_atomically(checksum_file(path), f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def read_verified(path: Path, remedy: str | None = None) -> BytesIO:
    """The bytes of a table, after a check of their hash.

    Args:
        remedy: what to do about a fault, if no rule of the workflow makes the table.

    Raises:
        DataError: table or hash are missing, or do not fit each other.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "is missing", remedy or remedy_missing(path)) from None
    try:
        stated = checksum_file(path).read_bytes()
    except FileNotFoundError:
        fault = f"is missing, and without it {path.name} may have lost rows unnoticed"
        raise DataError(checksum_file(path), fault, remedy or remedy_missing(checksum_file(path))) from None
    if stated.split() != [hashlib.sha256(content).hexdigest().encode(), path.name.encode()]:
        fault = f"is truncated or was changed: its SHA-256 is not that of {checksum_file(path).name}"
        raise DataError(path, fault, remedy or remedy_damaged(path))
    return BytesIO(content)

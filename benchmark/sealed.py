"""Tables with their SHA-256 beside them: a table that lost rows is a table still, and nothing else would tell.

``scores.csv`` has ``scores.csv.sha256``, in the format of ``sha256sum``.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import pandas as pd

from benchmark.errors import DataError, made_again, made_by_snakemake
from benchmark.whole import write_table, write_whole


def seal(path: Path) -> Path:
    """The file beside a table that states its hash."""
    return path.with_name(f"{path.name}.sha256")


def write_sealed(path: Path, table: pd.DataFrame) -> None:
    """Writes a CSV as :func:`benchmark.whole.write_table` does, and its hash."""
    write_table(path, table)
    write_seal(path)


def write_seal(path: Path) -> None:
    """Writes the hash of a table."""
    write_whole(seal(path), _line(path, path.read_bytes()))


def read_sealed(path: Path, remedy: str | None = None) -> BytesIO:
    """The bytes of a table, after their hash was checked.

    Args:
        remedy: what to do about a fault, where no rule of the workflow makes the table.

    Raises:
        DataError: table or hash are missing, or the table was cut short or changed.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(path, "is missing", remedy or made_by_snakemake(path)) from None
    try:
        stated = seal(path).read_bytes()
    except FileNotFoundError:
        fault = f"is missing, so that nobody knows whether {path.name} is whole"
        raise DataError(seal(path), fault, remedy or made_by_snakemake(seal(path))) from None
    if stated.split() != _line(path, content).encode().split():
        fault = f"is not what was written: its SHA-256 is not that of {seal(path).name}"
        raise DataError(path, fault, remedy or made_again(path))
    return BytesIO(content)


def _line(path: Path, content: bytes) -> str:
    return f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"

"""HDF5 files that are complete or absent, even if the disk is full.

If HDF5 cannot write the last bytes of a file, it tries again when the process ends, and crashes. So it writes to a
Python file that hides the first error until HDF5 has closed it.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from benchmark.runtime.atomic import atomic_file
from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing


@contextmanager
def atomic_hdf5(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file that is renamed to ``path`` at the end of the block, or removed if it raises.

    Raises:
        OSError: the file cannot be written; it names ``path``.
    """
    with atomic_file(path) as temporary, _DeferredErrors(temporary, "w+") as stream:
        try:
            with h5py.File(stream, "w") as file:
                yield file
        finally:
            # Also the cause of an error of HDF5 itself, which misses bytes that were not written.
            if stream.fault:
                raise stream.fault


@contextmanager
def read_hdf5(path: Path, form: str) -> Iterator[h5py.File]:
    """An HDF5 file that a rule made, with the attribute ``format``.

    Raises:
        DataError: missing, damaged, or of another format.
    """
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != form:
                raise DataError(path, f"is not of the format '{form}'", remedy_damaged(path))
            yield file
    except FileNotFoundError:
        raise DataError(path, "is missing", remedy_missing(path)) from None
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataError(path, f"cannot be read ({error})", remedy_damaged(path)) from None


class _DeferredErrors(io.FileIO):
    """An unbuffered file that keeps its first write error, and from then on pretends to write.

    Attributes:
        fault: the error, or None.
    """

    fault: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = rest.nbytes
        try:
            while rest and not self.fault:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.fault = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return size or 0 if self.fault else super().truncate(size)
        except OSError as error:
            self.fault = error
            return size or 0

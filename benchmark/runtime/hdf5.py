"""HDF5 files that are whole or absent, also where the disk is full.

HDF5 keeps a file whose last bytes it could not write, tries again when the process ends, and crashes. So it is never
told: it writes into a Python file that remembers the first fault, which is raised once HDF5 is done with it.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from benchmark.runtime.atomic import atomic_file


@contextmanager
def atomic_hdf5(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file that takes the name ``path`` when the block ends, and vanishes when it raises.

    Raises:
        OSError: the file cannot be written; it names ``path``.
    """
    with atomic_file(path) as temporary, _Forgiving(temporary, "w+") as stream:
        try:
            with h5py.File(stream, "w") as file:
                yield file
        finally:
            # Also where HDF5 stumbled over bytes that never got to the disk: this is why.
            if stream.fault:
                raise stream.fault


class _Forgiving(io.FileIO):
    """An unbuffered file that remembers the first fault of writing and pretends, from then on, that all is well.

    Attributes:
        fault: the first fault, or None.
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

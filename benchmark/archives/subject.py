"""One subject of an archive, on the grid of its own scan, as readers return it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmark.archives.formats.packed import ArchivePath
from benchmark.archives.formats.volumes import Volume
from benchmark.runtime.errors import DataError

Loader = Callable[[], Volume]


@dataclass(frozen=True)
class Subject:
    """One subject. Voxels are read only on demand, so that an inventory reads headers alone.

    Attributes:
        id: unique within the dataset; used in paths.
        domain: scanner code, one of the dataset's domains.
        shape: voxels along the file's axes.
        spacing: mm along the same axes.
        image: loads the scan.
        labels: loads the label map, or is None.
        mask: loads the brain or retina mask, or is None.
        truth: for each target scanner, loaders of the noise-free and the noisy scan of the same anatomy (phantoms).
        files: of the scan, first the one with the header, last the one with the voxels.
        companions: all other files that the loaders read; a change of one prepares the subject again.
    """

    id: str
    domain: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    image: Loader
    labels: Loader | None = None
    mask: Loader | None = None
    truth: dict[str, tuple[Loader, Loader]] | None = None
    files: tuple[ArchivePath, ...] = ()
    companions: tuple[ArchivePath, ...] = ()

    @property
    def all_files(self) -> tuple[ArchivePath, ...]:
        """All files of the subject."""
        return self.files + self.companions


Found = Subject | DataError
"""What a reader yields: a subject, or the fault of one."""


@contextmanager
def about(subject: str) -> Iterator[None]:
    """Notes the subject in errors that are raised inside, so that a config can exclude it."""
    try:
        yield
    except DataError as fault:
        fault.subject = subject
        raise


class Reader(Protocol):
    """The function ``read`` of a module in ``benchmark/archives/readers``."""

    def __call__(self, root: Path) -> Iterator[Found]:
        """Subjects of the archive at ``root``; checks headers, but reads no voxels.

        A fault (a missing or extra file, an unreadable header, another archive) is yielded, not raised, and the other
        subjects follow.

        Args:
            root: folder with the archive, packed or unpacked, or its packed file.
        """

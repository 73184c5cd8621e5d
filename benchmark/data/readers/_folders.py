"""What the readers share: where an archive lies, listing its folders, going on after a fault, a phantom's truth."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from typing import TypeVar

from benchmark.data.places import Place, opened, packed
from benchmark.data.subject import Found, Subject, Volume
from benchmark.errors import DataError

Loader = Callable[[], Volume]
Entry = TypeVar("Entry")
# Lies beside the data in an archive: file managers' and git's own files, notices, tables, phantoms' truth.
_TRUTH = "truth"
_NOTICES = (".txt", ".md", ".pdf", ".xls", ".xlsx", ".csv")
_FILE_MANAGERS = (".", "__MACOSX", "Thumbs.db")


def located(root: Path, folder: str, files: Sequence[str], remedy: str) -> Place:
    """A folder of an archive, unpacked, or in the packed file in which its owner distributes it.

    Args:
        root: where the archive lies, or the packed file itself.
        files: names that the packed file may have.

    Raises:
        DataError: neither is there, or both are, or the packed file is damaged.
    """
    if (root / folder).is_dir():
        if beside := next((root / name for name in files if (root / name).is_file()), None):
            raise DataError(
                root / folder, f"lies beside {beside.name}, which holds it too", "Remove or move away one of the two"
            )
        return root / folder
    candidates = [root] if root.is_file() and packed(root) else [root / name for name in files]
    for file in candidates:
        if file.is_file():
            inside = opened(file) / folder
            # Some are packed with the folder around them, some without.
            return inside if inside.is_dir() else opened(file)
    raise DataError(root / folder, "is not there", remedy)


def listing(folder: Place, remedy: str) -> list[Place]:
    """Entries of a folder of the archive in order of their names, notices and hidden files left out.

    Raises:
        DataError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not there", remedy)
    found = [
        p
        for p in sorted(folder.iterdir(), key=lambda p: p.name)
        if not p.name.startswith(_FILE_MANAGERS) and not p.name.lower().endswith(_NOTICES)
    ]
    if not found:
        raise DataError(folder, "is empty", remedy)
    return found


def each(entries: Callable[[], Iterable[Entry]], make: Callable[[Entry], Subject | None]) -> Iterator[Found]:
    """The subject of each entry, or what is wrong with it; nothing where ``make`` gives none."""
    try:
        listed = list(entries())
    except DataError as fault:
        yield fault
        return
    for entry in listed:
        try:
            subject = make(entry)
        except DataError as fault:
            yield fault
        else:
            if subject is not None:
                yield subject


@dataclass(frozen=True)
class Truth:
    """The noise-free and the noisy truth of a phantom's image, by target scanner."""

    volumes: dict[str, tuple[Path, Path]]

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(chain.from_iterable(self.volumes.values()))

    def loaders(self, read: Callable[[Path], Volume]) -> dict[str, tuple[Loader, Loader]]:
        return {target: (partial(read, clean), partial(read, noisy)) for target, (clean, noisy) in self.volumes.items()}


def truth(root: Path, image: PurePath) -> Truth:
    """The truth of a phantom's image; of a real archive, and of phantom subjects without truth, there is none.

    Args:
        root: the archive; truth lies in ``root/truth/<target>/{clean,noisy}/<image>``.
        image: path of the image below its scanner-independent folder.

    Raises:
        DataError: one of the two without the other.
    """
    volumes: dict[str, tuple[Path, Path]] = {}
    for target in sorted(root.glob(f"{_TRUTH}/*")):
        clean, noisy = target / "clean" / image, target / "noisy" / image
        if clean.is_file() != noisy.is_file():
            missing = noisy if clean.is_file() else clean
            raise DataError(missing, "is missing", "Fetch the phantom again")
        if clean.is_file():
            volumes[target.name] = (clean, noisy)
    return Truth(volumes)

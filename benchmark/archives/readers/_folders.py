"""What readers share: they find an archive, list its folders, and continue after a fault."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from typing import TypeVar

from benchmark.archives.formats.packed import UNCOMPRESS, ArchivePath, list_folder, open_packed
from benchmark.archives.formats.volumes import Volume
from benchmark.archives.subject import Found, Loader, Subject
from benchmark.runtime.errors import DataError

Entry = TypeVar("Entry")
# Files and folders in an archive that are not images: phantoms' truth, notices and tables, files of file managers, git.
_TRUTH = "truth"
_NOTICES = (".txt", ".md", ".pdf", ".xls", ".xlsx", ".csv")
_FILE_MANAGERS = (".", "__MACOSX", "Thumbs.db")


def locate(root: Path, folder: str, packed: str | None, remedy: str) -> ArchivePath:
    """A folder of an archive, unpacked or in the packed file that its owner distributes.

    Args:
        root: folder with the archive, or the packed file itself.
        packed: name of the packed file, if there is one.

    Raises:
        DataError: there is neither folder nor packed file, or both; or the packed file is damaged.
    """
    candidates = [root, *(root / f"{packed}{suffix}" for suffix in ("", *UNCOMPRESS))]
    file = next((path for path in candidates if path.is_file()), None)
    if (root / folder).is_dir():
        if file:
            fault = f"lies beside {file.name}, which holds it too"
            raise DataError(root / folder, fault, "Remove or move away one of the two")
        return root / folder
    if file is None:
        raise DataError(root / folder, "does not exist", remedy)
    top = open_packed(file)
    # Some are packed with the folder around them, some without.
    return top / folder if (top / folder).is_dir() else top


def check_complete(root: Path, folders: Collection[str]) -> None:
    """Refuses a single packed file of an archive that is distributed in several.

    Raises:
        DataError: it does not hold all of the folders, or is damaged.
    """
    if root.is_file() and not all((open_packed(root) / folder).is_dir() for folder in folders):
        fault = f"does not hold all of the archive, {' and '.join(folders)}"
        raise DataError(root, fault, f"Name the folder with all of its files, such as {root.parent}")


def listing(folder: ArchivePath, remedy: str) -> list[ArchivePath]:
    """Entries of a folder, sorted by name, without notices and hidden files.

    Raises:
        DataError: the folder is missing or empty.
    """
    if not folder.is_dir():
        raise DataError(folder, "does not exist", remedy)
    found = [
        entry
        for entry in list_folder(folder)
        if not entry.name.startswith(_FILE_MANAGERS) and not entry.name.lower().endswith(_NOTICES)
    ]
    if not found:
        raise DataError(folder, "is empty", remedy)
    return found


def read_each(
    entries: Callable[[], Iterable[Entry]], read: Callable[[Entry], Subject | None], domain: str | None = None
) -> Iterator[Found]:
    """The subject or the fault of each entry; none where ``read`` returns None.

    Args:
        domain: scanner of all entries, if it is the same.
    """
    try:
        listed = list(entries())
    except DataError as fault:
        fault.domain = domain
        yield fault
        return
    for entry in listed:
        try:
            subject = read(entry)
        except DataError as fault:
            fault.domain = domain
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


def find_truth(root: Path, image: PurePath) -> Truth:
    """The truth of a phantom's image; empty for real archives, and for phantom subjects without truth.

    Args:
        root: the archive; truth lies in ``root/truth/<target>/{clean,noisy}/<image>``.
        image: path of the image below its scanner's folder.

    Raises:
        DataError: only one of the two files exists.
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

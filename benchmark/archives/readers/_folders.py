"""What readers share: they find an archive, list its folders, and continue after a fault."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from typing import TypeVar

from benchmark.archives.formats.packed import TAR_COMPRESSED, ArchivePath, list_folder, open_packed, permitted
from benchmark.archives.formats.volumes import Volume
from benchmark.archives.subject import Found, Loader, Subject
from benchmark.runtime.errors import DataError

Entry = TypeVar("Entry")
# Files and folders in an archive that are not images: phantoms' truth, notices and tables, files of file managers, git.
_TRUTH = "truth"
_NOTICES = (".txt", ".md", ".pdf", ".xls", ".xlsx", ".csv")
_FILE_MANAGERS = (".", "__MACOSX", "Thumbs.db")


def locate(root: Path, folder: str, files: Sequence[str], remedy: str, others: Collection[str] = ()) -> ArchivePath:
    """A folder of an archive, unpacked or in the packed file that its owner distributes.

    Args:
        root: folder with the archive, or the packed file itself.
        files: names that the packed file may have.
        others: other folders of the archive.

    Raises:
        DataError: there is neither folder nor packed file, or both; or the packed file is damaged or a wrong one.
    """
    if (root / folder).is_dir():
        if packed := next((root / name for name in files if (root / name).is_file()), None):
            raise DataError(
                root / folder, f"lies beside {packed.name}, which holds it too", "Remove or move away one of the two"
            )
        return root / folder
    tars = [PurePath(name).stem for name in files if name.endswith(".tar")]
    compressed = [f"{stem}{suffix}" for stem in tars for suffix in TAR_COMPRESSED]
    candidates = (root / name for name in (*files, *compressed))
    file = root if root.is_file() else next((path for path in candidates if path.is_file()), None)
    if file is None:
        raise DataError(root / folder, "does not exist", _elsewhere(root, (folder, *files, *others)) or remedy)
    top = open_packed(file)
    # Some are packed with the folder around them, some without.
    if (top / folder).is_dir():
        return top / folder
    if other := next((name for name in others if (top / name).is_dir()), None):
        raise DataError(file, f"holds '{other}', not '{folder}'", "Give each file its own name again")
    return top


def check_complete(root: Path, folders: Collection[str]) -> None:
    """Refuses a single packed file of an archive that is distributed in several.

    Raises:
        DataError: it does not hold all of the folders, or is damaged.
    """
    if root.is_file() and not all((open_packed(root) / folder).is_dir() for folder in folders):
        fault = f"does not hold all of the archive, {' and '.join(folders)}"
        raise DataError(root, fault, f"Name the folder with all of its files, such as {root.parent}")


def _elsewhere(root: Path, names: Collection[str]) -> str | None:
    """A remedy if the archive lies in a subfolder or a parent folder of ``root``."""
    resolved = root.resolve()
    for folder in (resolved, resolved.parent):
        if folder.name in names:
            return f"Name the folder that contains '{folder.name}': {folder.parent}"
    found = next((path for name in names for path in sorted(root.glob(f"*/{name}"))), None)
    return f"It lies in {found.parent}: name that folder, or move its content into {root}" if found else None


def listing(folder: ArchivePath, remedy: str) -> list[ArchivePath]:
    """Entries of a folder, sorted by name, without notices and hidden files.

    Raises:
        DataError: the folder is missing, empty, or may not be read.
    """
    if not folder.is_dir():
        raise DataError(folder, "does not exist", remedy)
    with permitted(folder):
        entries = list_folder(folder)
    found = [p for p in entries if not p.name.startswith(_FILE_MANAGERS) and not p.name.lower().endswith(_NOTICES)]
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

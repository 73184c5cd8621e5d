"""What the readers share: where an archive lies, listing its folders, going on after a fault, a phantom's truth."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from typing import TypeVar

from benchmark.archives.formats.packed import TAR_COMPRESSED, Place, opened, permitted
from benchmark.archives.subject import Found, Subject, Volume
from benchmark.runtime.errors import DataError

Loader = Callable[[], Volume]
Entry = TypeVar("Entry")
# Lies beside the data in an archive: file managers' and git's own files, notices, tables, phantoms' truth.
_TRUTH = "truth"
_NOTICES = (".txt", ".md", ".pdf", ".xls", ".xlsx", ".csv")
_FILE_MANAGERS = (".", "__MACOSX", "Thumbs.db")


def located(root: Path, folder: str, files: Sequence[str], remedy: str, others: Collection[str] = ()) -> Place:
    """A folder of an archive, unpacked, or in the packed file in which its owner distributes it.

    Args:
        root: where the archive lies, or the packed file itself.
        files: names that the packed file may have.
        others: folders that lie beside it in the archive.

    Raises:
        DataError: neither is there, or both are, or the packed file is damaged or another.
    """
    if (root / folder).is_dir():
        if beside := next((root / name for name in files if (root / name).is_file()), None):
            raise DataError(
                root / folder, f"lies beside {beside.name}, which holds it too", "Remove or move away one of the two"
            )
        return root / folder
    tars = [PurePath(name).stem for name in files if name.endswith(".tar")]
    compressed = [f"{stem}{ending}" for stem in tars for ending in TAR_COMPRESSED]
    named = (root / name for name in (*files, *compressed))
    file = root if root.is_file() else next((path for path in named if path.is_file()), None)
    if file is None:
        raise DataError(root / folder, "is not there", _elsewhere(root, (folder, *files, *others)) or remedy)
    top = opened(file)
    # Some are packed with the folder around them, some without.
    if (top / folder).is_dir():
        return top / folder
    if other := next((name for name in others if (top / name).is_dir()), None):
        raise DataError(file, f"holds '{other}', not '{folder}'", "Give each file back its own name")
    return top


def check_whole(root: Path, folders: Collection[str]) -> None:
    """Refuses one of the packed files of an archive that comes in several.

    Raises:
        DataError: it does not hold all of the folders, or is damaged.
    """
    if root.is_file() and not all((opened(root) / folder).is_dir() for folder in folders):
        fault = f"does not hold all of the archive, {' and '.join(folders)}"
        raise DataError(root, fault, f"Name the folder in which all of its files lie, such as {root.parent}")


def _elsewhere(root: Path, names: Collection[str]) -> str | None:
    """A remedy where the archive lies a little further in or out."""
    inner = root.resolve()
    for folder in (inner, inner.parent):
        if folder.name in names:
            return f"Name the folder in which '{folder.name}' lies: {folder.parent}"
    found = next((path for name in names for path in sorted(root.glob(f"*/{name}"))), None)
    return f"It lies in {found.parent}: name that folder, or move into {root} what it holds" if found else None


def listing(folder: Place, remedy: str) -> list[Place]:
    """Entries of a folder of the archive in order of their names, notices and hidden files left out.

    Raises:
        DataError: there is no such folder, or nothing in it, or it may not be read.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not there", remedy)
    with permitted(folder):
        entries = sorted(folder.iterdir(), key=lambda p: p.name)
    found = [p for p in entries if not p.name.startswith(_FILE_MANAGERS) and not p.name.lower().endswith(_NOTICES)]
    if not found:
        raise DataError(folder, "is empty", remedy)
    return found


def each(
    entries: Callable[[], Iterable[Entry]], make: Callable[[Entry], Subject | None], domain: str | None = None
) -> Iterator[Found]:
    """The subject of each entry, or what is wrong with it; nothing where ``make`` gives none.

    Args:
        domain: scanner of all of them, where they are of one.
    """
    try:
        listed = list(entries())
    except DataError as fault:
        fault.domain = domain
        yield fault
        return
    for entry in listed:
        try:
            subject = make(entry)
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

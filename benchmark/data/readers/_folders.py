"""What the readers share: listing folders of an archive, and finding a phantom's truth."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmark.data.subject import Volume
from benchmark.errors import DataError

Loader = Callable[[], Volume]
# Lies beside the data in an archive: file managers' and git's own files, notices, tables, phantoms' truth.
_TRUTH = "truth"
_NOTICES = {".txt", ".md", ".pdf", ".xls", ".xlsx", ".csv"}


def listing(folder: Path, remedy: str) -> list[Path]:
    """Entries of a folder of the archive in order of their names, notices and hidden files left out.

    Raises:
        DataError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise DataError(folder, "is not there", remedy)
    found = [p for p in sorted(folder.iterdir()) if not (p.name.startswith(".") or p.suffix.lower() in _NOTICES)]
    if not found:
        raise DataError(folder, "is empty", remedy)
    return found


def truth(root: Path, image: Path, read: Callable[[Path], Volume]) -> dict[str, tuple[Loader, Loader]]:
    """Loaders of the noise-free and the noisy truth of a phantom's image, by target scanner.

    Args:
        root: the archive; truth lies in ``root/truth/<target>/{clean,noisy}/<image>``.
        image: path of the image below its scanner-independent folder.

    Returns:
        Empty for a real archive, and for phantom subjects without truth.

    Raises:
        DataError: one of the two without the other.
    """
    loaders: dict[str, tuple[Loader, Loader]] = {}
    for target in sorted(root.glob(f"{_TRUTH}/*")):
        clean, noisy = target / "clean" / image, target / "noisy" / image
        if clean.is_file() != noisy.is_file():
            missing = noisy if clean.is_file() else clean
            raise DataError(missing, "is missing", "Fetch the phantom again")
        if clean.is_file():
            loaders[target.name] = (partial(read, clean), partial(read, noisy))
    return loaders

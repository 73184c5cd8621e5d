"""Reports an archive that belongs to another dataset, or lies in a subfolder, as one fault instead of many."""

import re
from collections.abc import Sequence
from pathlib import Path

from benchmark.archives.formats.packed import ArchivePath, list_folder
from benchmark.runtime.errors import DataError

# Names at the top of each archive.
_NAMES = {
    "IXI's T1-weighted images": r"IXI-T1|IXI\d{3}-\w+-\d+-T1\.nii\.gz",
    "images of IXI that are not T1-weighted": r"IXI\d{3}-\w+-\d+-.+\.nii\.gz",
    "MS-SEG": r"Training|Center_\d\d|(Pre-processed|Unprocessed) training dataset|TrainingDataset_MSSEG",
    "RETOUCH": r"RETOUCH-TrainingSet-\w+|TRAIN\d{3}",
}
_MAX_DEPTH = 2  # extra folders in which an archive may have been packed


def check_contents(path: ArchivePath, entries: Sequence[ArchivePath], names: str, folder: str) -> None:
    """Checks that at least one entry has a name of the archive.

    Args:
        path: where the archive should be.
        entries: what is there.
        names: pattern of the names in the archive.
        folder: name of the unpacked archive.

    Raises:
        DataError: no entry has such a name.
    """
    if any(re.fullmatch(names, entry.name) for entry in entries):
        return
    if inner := _subfolder(entries, names, _MAX_DEPTH):
        remedy = f"Unpack it, and put '{inner}', under the name '{folder}', in the place of the packed file"
        if isinstance(path, Path):
            remedy = f"Move the content of '{inner}' into {path}"
        raise DataError(path, f"holds the archive in a subfolder, '{inner}'", remedy)
    looks = next((title for title, known in _NAMES.items() if any(re.fullmatch(known, e.name) for e in entries)), None)
    fault = "is another archive: none of its names belongs to this one"
    fault += f", and it looks like {looks}" if looks else ""
    raise DataError(path, fault, "Name the archive that belongs to this dataset, or put it in its place")


def _subfolder(entries: Sequence[ArchivePath], names: str, depth: int) -> str | None:
    """Path of the first folder that contains a name of the archive."""
    for folder in (entry for entry in entries if depth and entry.is_dir()):
        inner = list_folder(folder)
        if any(re.fullmatch(names, entry.name) for entry in inner):
            return folder.name
        if deeper := _subfolder(inner, names, depth - 1):
            return f"{folder.name}/{deeper}"
    return None

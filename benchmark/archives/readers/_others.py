"""Archives in the place of another, and archives that lie a folder further in than they should: told once."""

import re
from collections.abc import Sequence
from pathlib import Path

from benchmark.archives.formats.packed import Place
from benchmark.runtime.errors import DataError

# What the entries at the top of the archives that are read here are called.
_NAMES = {
    "IXI's T1-weighted images": r"IXI-T1|IXI\d{3}-\w+-\d+-T1\.nii\.gz",
    "images of IXI that are not T1-weighted": r"IXI\d{3}-\w+-\d+-.+\.nii\.gz",
    "MS-SEG": r"Training|Center_\d\d|(Pre-processed|Unprocessed) training dataset|TrainingDataset_MSSEG",
    "RETOUCH": r"RETOUCH-TrainingSet-\w+|TRAIN\d{3}",
}
_DEEPEST = 2  # folders that an archive was packed with beside its own


def check_own(place: Place, found: Sequence[Place], names: str, folder: str) -> None:
    """Refuses what holds nothing of an archive, or holds it further in.

    Args:
        place: where the archive should lie.
        found: its entries.
        names: pattern of the archive's own.
        folder: of the archive, when it is unpacked.

    Raises:
        DataError: no entry has such a name.
    """
    if any(re.fullmatch(names, entry.name) for entry in found):
        return
    if inner := _further_in(found, names, _DEEPEST):
        if isinstance(place, Path):
            raise DataError(place, f"holds the archive further in, in '{inner}'", f"Move what lies there into {place}")
        remedy = f"Unpack it, and put '{inner}', under the name '{folder}', in the place of the packed file"
        raise DataError(place, f"holds the archive further in, in '{inner}'", remedy)
    looks = next((title for title, known in _NAMES.items() if any(re.fullmatch(known, e.name) for e in found)), None)
    fault = "is another archive: nothing in it has a name of this one" + (
        f", and it looks like {looks}" if looks else ""
    )
    raise DataError(place, fault, "Name the archive that belongs to this dataset, or put it in its place")


def _further_in(found: Sequence[Place], names: str, depth: int) -> str | None:
    """Path of the first folder that holds a name of the archive."""
    for folder in (entry for entry in found if depth and entry.is_dir()):
        inner = sorted(folder.iterdir(), key=lambda entry: entry.name)
        if any(re.fullmatch(names, entry.name) for entry in inner):
            return folder.name
        if deeper := _further_in(inner, names, depth - 1):
            return f"{folder.name}/{deeper}"
    return None

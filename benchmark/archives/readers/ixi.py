"""IXI, T1-weighted: images in a folder or in ``IXI-T1.tar``; a file's name holds subject, hospital and scan number.

https://brain-development.org/ixi-dataset: Hammersmith Hospital (HH) used a Philips 3 T system, Guy's Hospital a Philips
1.5 T system, and the Institute of Psychiatry (IOP) a GE 1.5 T system.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import ArchivePath
from benchmark.archives.formats.volumes import check_same_grid
from benchmark.archives.readers._contents import check_contents
from benchmark.archives.readers._folders import find_truth, listing, locate, read_each
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

DOMAINS = {"IOP": "GE", "HH": "PL"}
"""Scanner of each hospital that the paper uses."""
UNUSED = "Guys"
_NAME = re.compile(r"(?P<subject>IXI\d{3})-(?P<site>IOP|HH|Guys)-\d+-T1\.nii\.gz")
_FOLDER, _PACKED = "IXI-T1", ("IXI-T1.tar",)
_REMEDY = "Put IXI-T1.tar here, or unpack it into the folder IXI-T1"


def read(root: Path) -> Iterator[Found]:
    """Subjects scanned at IOP and HH, without masks; phantoms have labels, in the folder ``labels``.

    Faults are a missing or wrong archive, files with unknown names, and unreadable headers.
    """
    return read_each(partial(_images, root), partial(_subject, root))


def _images(root: Path) -> list[ArchivePath]:
    folder = locate(root, _FOLDER, _PACKED, _REMEDY)
    found = listing(folder, _REMEDY)
    check_contents(folder, found, _NAME.pattern, _FOLDER)
    return found


def _subject(root: Path, path: ArchivePath) -> Subject | None:
    name = _NAME.fullmatch(path.name)
    if name is None:
        raise DataError(
            path,
            "is no name of an IXI T1 image, such as IXI012-HH-1211-T1.nii.gz",
            "Remove it, or give it the name that it has in the archive",
        )
    if name["site"] == UNUSED:
        return None
    with about(name["subject"]):
        header, truth = read_header(path), find_truth(root, Path(path.name))
        labels = [file for file in [root / "labels" / path.name] if file.is_file()]
        for file in labels:
            check_same_grid(read_header(file), header)
        return Subject(
            id=name["subject"],
            domain=DOMAINS[name["site"]],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, path),
            labels=partial(read_volume, *labels) if labels else None,
            truth=truth.loaders(read_volume),
            files=(path,),
            companions=(*labels, *truth.files),
        )

"""IXI, T1-weighted: a folder, or ``IXI-T1.tar``, of images whose names hold subject, hospital and number of the scan.

https://brain-development.org/ixi-dataset: Hammersmith Hospital (HH) used a Philips 3 T system, Guy's Hospital a Philips
1.5 T system, and the Institute of Psychiatry (IOP) a GE 1.5 T system.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.archives.formats.nifti import read_header, read_volume
from benchmark.archives.formats.packed import Place
from benchmark.archives.readers._folders import each, listing, located, truth
from benchmark.archives.readers._others import check_own
from benchmark.archives.subject import Found, Subject, about
from benchmark.runtime.errors import DataError

DOMAINS = {"IOP": "GE", "HH": "PL"}
"""Scanner of each hospital. Guy's is the third scanner of the archive, which the paper does not use."""
UNUSED = "Guys"
_NAME = re.compile(r"(?P<subject>IXI\d{3})-(?P<site>IOP|HH|Guys)-\d+-T1\.nii\.gz")
_FOLDER, _PACKED = "IXI-T1", ("IXI-T1.tar",)
_REMEDY = "Put IXI-T1.tar here, or unpack it into the folder IXI-T1"


def read(root: Path) -> Iterator[Found]:
    """Subjects scanned at IOP and HH, without labels or masks.

    Faults are an archive that is not there or another, files of another name, and unreadable headers.
    """
    return each(partial(_images, root), partial(_subject, root))


def _images(root: Path) -> list[Place]:
    place = located(root, _FOLDER, _PACKED, _REMEDY)
    found = listing(place, _REMEDY)
    check_own(place, found, _NAME.pattern, _FOLDER)
    return found


def _subject(root: Path, place: Place) -> Subject | None:
    name = _NAME.fullmatch(place.name)
    if name is None:
        raise DataError(
            place,
            "is no name of an IXI T1 image, such as IXI012-HH-1211-T1.nii.gz",
            "Remove it, or give it back the name that the archive has",
        )
    if name["site"] == UNUSED:
        return None
    with about(name["subject"]):
        header, views = read_header(place), truth(root, Path(place.name))
        return Subject(
            id=name["subject"],
            domain=DOMAINS[name["site"]],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, place),
            truth=views.loaders(read_volume),
            files=(place,),
            companions=views.files,
        )

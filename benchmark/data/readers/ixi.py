"""IXI, T1-weighted: a folder of images whose names hold subject, hospital and number of the scan.

https://brain-development.org/ixi-dataset: Hammersmith Hospital (HH) used a Philips 3 T system, Guy's Hospital a Philips
1.5 T system, and the Institute of Psychiatry (IOP) a GE 1.5 T system.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.data.nifti import read_header, read_volume
from benchmark.data.readers._folders import listing, truth
from benchmark.data.subject import Subject
from benchmark.errors import DataError

DOMAINS = {"IOP": "GE", "HH": "PL"}
"""Scanner of each hospital. Guy's is the third scanner of the archive, which the paper does not use."""
UNUSED = "Guys"
_NAME = re.compile(r"(?P<subject>IXI\d{3})-(?P<site>IOP|HH|Guys)-\d+-T1\.nii\.gz")
_REMEDY = "Unpack IXI-T1.tar into the folder IXI-T1 of the archive"


def read(root: Path) -> Iterator[Subject]:
    """Subjects scanned at IOP and HH, without labels or masks.

    Raises:
        DataError: no folder ``IXI-T1``, a file of another name in it, or an unreadable header.
    """
    for path in listing(root / "IXI-T1", _REMEDY):
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise DataError(
                path,
                "is no name of an IXI T1 image, such as IXI012-HH-1211-T1.nii.gz",
                "Remove it, or give it back the name that the archive has",
            )
        if name["site"] == UNUSED:
            continue
        header = read_header(path)
        yield Subject(
            id=name["subject"],
            domain=DOMAINS[name["site"]],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, path),
            truth=truth(root, Path(path.name), read_volume),
        )

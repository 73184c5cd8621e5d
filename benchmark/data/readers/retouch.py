"""RETOUCH (Bogunović et al., IEEE TMI 2019): one folder for each vendor, one folder in it for each volume.

``RETOUCH-TrainingSet-<vendor>/TRAINnnn/{oct,reference}.mhd``; labels are 1 IRF, 2 SRF, 3 PED. Axes of a volume are
lateral position (x), depth (y) and B-scan (z).
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmark.data.metaimage import read_header, read_volume
from benchmark.data.readers._folders import listing, truth
from benchmark.data.subject import Subject
from benchmark.data.volumes import check_same_grid
from benchmark.errors import DataError

DOMAINS = {"RETOUCH-TrainingSet-Cirrus": "CR", "RETOUCH-TrainingSet-Spectralis": "SP"}
"""Scanner of each folder. RETOUCH-TrainingSet-Topcon is the third, which the paper does not use."""
_REMEDY = "Unpack RETOUCH-TrainingSet-Cirrus.zip and RETOUCH-TrainingSet-Spectralis.zip into the archive"


def read(root: Path) -> Iterator[Subject]:
    """Subjects with fluid labels.

    Raises:
        DataError: a folder is missing or has another name, a header is unreadable or contradicts its raw file, or
            labels and image differ in shape or position.
    """
    for vendor, domain in DOMAINS.items():
        for folder in listing(root / vendor, _REMEDY):
            if not re.fullmatch(r"TRAIN\d{3}", folder.name):
                raise DataError(folder, "is not named like TRAIN001", "Remove what is not of the archive")
            image, labels = folder / "oct.mhd", folder / "reference.mhd"
            header = read_header(image)
            check_same_grid(read_header(labels), header)
            yield Subject(
                id=folder.name,
                domain=domain,
                shape=header.shape,
                spacing=header.spacing,
                image=partial(read_volume, image),
                labels=partial(read_volume, labels),
                truth=truth(root, Path(folder.name, image.name), read_volume),
            )

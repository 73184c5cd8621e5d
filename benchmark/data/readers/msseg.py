"""MS-SEG 2016 (Commowick et al., Scientific Reports 2018), FLAIR as preprocessed by the organisers.

Two layouts are in circulation, and both are read:

- Shanoir: ``Training/Center_XX/Patient_YY/`` with ``Preprocessed_Data/FLAIR_preprocessed.nii.gz`` and
  ``Masks/{Consensus,Brain_Mask}.nii.gz``;
- older: ``Pre-processed training dataset/TrainingDataset_MSSEG/XXnnnABCD/{FLAIR_preprocessed,Mask_registered}.nii.gz``
  with ``Unprocessed training dataset/TrainingDataset_MSSEG/XXnnnABCD/Consensus.nii.gz``, XX being the centre.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.data.nifti import read_header, read_volume
from benchmark.data.readers._folders import listing, truth
from benchmark.data.subject import Subject
from benchmark.data.volumes import check_same_grid
from benchmark.errors import DataError

DOMAINS = {"01": "SV", "07": "SA", "08": "PI"}
"""Scanner of each training centre: Siemens Verio 3 T, Siemens Aera 1.5 T, Philips Ingenia 3 T."""
_PREPROCESSED = "Pre-processed training dataset"
_UNPROCESSED = "Unprocessed training dataset"
_OLD_FOLDER = "TrainingDataset_MSSEG"
_REMEDY = "Unpack MSSEG-Training.zip, so that the archive holds the folder Training"


@dataclass(frozen=True)
class _Files:
    id: str
    centre: str
    image: Path
    consensus: Path
    mask: Path
    truth_name: Path


def read(root: Path) -> Iterator[Subject]:
    """Subjects with lesion labels (consensus of seven experts, 1 is lesion) and brain masks.

    Raises:
        DataError: neither layout, an unknown centre, a missing file, or files of one subject on different grids.
    """
    layout = _old if (root / _PREPROCESSED).is_dir() else _shanoir
    for files in layout(root):
        if files.centre not in DOMAINS:
            raise DataError(
                files.image,
                f"is of centre {files.centre}, and the training archive has the centres {', '.join(DOMAINS)}",
                "Use the training archive, not the testing one",
            )
        header = read_header(files.image)
        for path in (files.consensus, files.mask):
            check_same_grid(read_header(path), header)
        yield Subject(
            id=files.id,
            domain=DOMAINS[files.centre],
            shape=header.shape,
            spacing=header.spacing,
            image=partial(read_volume, files.image),
            labels=partial(read_volume, files.consensus),
            mask=partial(read_volume, files.mask),
            truth=truth(root, files.truth_name, read_volume),
        )


def _shanoir(root: Path) -> Iterator[_Files]:
    for centre in listing(root / "Training", _REMEDY):
        for patient in listing(centre, _REMEDY):
            numbers = re.fullmatch(r"Center_(\d\d)/Patient_(\d\d)", f"{centre.name}/{patient.name}")
            if numbers is None:
                raise DataError(patient, "is not named like Center_01/Patient_01", "Remove what is not of the archive")
            image = patient / "Preprocessed_Data" / "FLAIR_preprocessed.nii.gz"
            yield _Files(
                id=f"C{numbers[1]}P{numbers[2]}",
                centre=numbers[1],
                image=image,
                consensus=patient / "Masks" / "Consensus.nii.gz",
                mask=patient / "Masks" / "Brain_Mask.nii.gz",
                truth_name=Path(centre.name, patient.name, image.name),
            )


def _old(root: Path) -> Iterator[_Files]:
    for patient in listing(root / _PREPROCESSED / _OLD_FOLDER, f"Unpack '{_PREPROCESSED}' whole"):
        if not re.fullmatch(r"\d{5}[A-Z]{4}", patient.name):
            raise DataError(patient, "is not named like 01016SACH", "Remove what is not of the archive")
        image = patient / "FLAIR_preprocessed.nii.gz"
        yield _Files(
            id=patient.name,
            centre=patient.name[:2],
            image=image,
            consensus=root / _UNPROCESSED / _OLD_FOLDER / patient.name / "Consensus.nii.gz",
            mask=patient / "Mask_registered.nii.gz",
            truth_name=Path(patient.name, image.name),
        )

"""An archive of MS-SEG's older layout, whose folders and headers name people."""

from pathlib import Path

import nibabel as nib
import numpy as np
from archives import brain, save
from small_datasets import MRI, inventoried

from benchmark.archives.inventory import subjects
from benchmark.preparation.collect import collect
from benchmark.preparation.prepare import prepare_subject

# The older layout of MS-SEG: centre, number, and four letters of the patient's name.
PATIENTS = ["01011QUXA", "01029WEJO", "07003ZORI", "07014HYKE", "08002VAFU", "08031PIGO"]
PERSON, AGE = "Quxley^Abigail", "057Y"
IMAGES = "Pre-processed training dataset/TrainingDataset_MSSEG"
LABELS = "Unprocessed training dataset/TrainingDataset_MSSEG"
FLAIR = "FLAIR_preprocessed.nii.gz"
SETTINGS = {
    "preparation": {**MRI, "tissue": "none", "brain_extraction": "given"},
    "split": {"protocol": "leave_one_out", "folds": 2},
}


def described(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    """An image with a person in every text that its header has room for, and in an extension."""
    save(path, data, affine)
    image = nib.load(path)
    image.header["descrip"] = f"{PERSON} {AGE}".encode()
    image.header["db_name"] = PERSON.encode()
    image.header["aux_file"] = f"{PERSON}.{AGE}".encode()
    image.header["intent_name"] = PERSON.encode()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", f"{PERSON} {AGE}".encode()))
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine, image.header), path)


def patient(root: Path, name: str) -> None:
    data, affine = brain()
    noisy = data * 4 + np.random.default_rng(int(name[:5])).uniform(0, 40, data.shape)
    lesion = np.zeros(data.shape, np.uint8)
    lesion[tuple(n // 2 for n in data.shape)] = 1
    described(root / IMAGES / name / FLAIR, noisy.astype(np.int16), affine)
    described(root / IMAGES / name / "Mask_registered.nii.gz", (data > 20).astype(np.uint8), affine)
    described(root / LABELS / name / "Consensus.nii.gz", lesion, affine)


def prepared() -> list[str]:
    """Everything up to the slice store; the subjects as everything that follows knows them."""
    inventoried("mini")
    for subject in subjects("mini"):
        prepare_subject("mini", subject)
    collect("mini")
    return subjects("mini")

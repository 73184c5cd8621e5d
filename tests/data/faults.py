"""Small archives of each dataset, and what is done to them so that they have a fault."""

import gzip
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from archives import ixi, msseg_patient, oasis_ixi, retina, retouch_volume, save, save_oct, truncate

IXI = [f"IXI10{n}-IOP-000{n}-T1" for n in range(3)] + [f"IXI20{n}-HH-000{n}-T1" for n in range(3)]
IXI_IMAGE, IXI_ID = "IXI-T1/IXI101-IOP-0001-T1.nii.gz", "IXI101"
MSSEG, MSSEG_ID = "Training/Center_07/Patient_02", "C07P02"
FLAIR, CONSENSUS, BRAIN = (
    f"{MSSEG}/{name}.nii.gz" for name in ("Preprocessed_Data/FLAIR_preprocessed", "Masks/Consensus", "Masks/Brain_Mask")
)
RETOUCH, RETOUCH_ID = "RETOUCH-TrainingSet-Cirrus/TRAIN002", "TRAIN002"
OASIS_IMAGE, OASIS_LABELS, OASIS_ID = "oasis/1001_SS.nii.gz", "oasis/1001_glm.nii.gz", "OASIS1001"
SHAPE, RETINA = (6, 7, 8), (16, 32, 6)


def build(name: str, root: Path) -> None:
    if name == "ixi":
        ixi(root, IXI)
    elif name == "msseg":
        for centre in ("01", "07", "08"):
            for patient in ("01", "02", "03"):
                msseg_patient(root, centre, patient)
    elif name == "retouch":
        for number in range(3):
            retouch_volume(root, "Cirrus", 1 + number)
            retouch_volume(root, "Spectralis", 25 + number)
    else:
        oasis_ixi(root, range(1000, 1003), (132, 162, 163))


def changed(path: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    """The same file with other voxels."""

    def make(root: Path) -> None:
        image = nib.load(root / path)
        save(root / path, change(np.asarray(image.dataobj).astype(np.float32)), image.affine)

    return make


def with_one(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(data: np.ndarray) -> np.ndarray:
        data = data.copy()
        data[1, 1, 1] = value
        return data

    return change


def written_as(path: str, data: np.ndarray) -> Callable[[Path], None]:
    return lambda root: save(root / path, data) and None


def stretched(path: str, factors: tuple[float, float, float]) -> Callable[[Path], None]:
    """The same voxels, of another size."""

    def make(root: Path) -> None:
        image = nib.load(root / path)
        save(root / path, np.asarray(image.dataobj), image.affine @ np.diag([*factors, 1.0]))

    return make


def edited(path: str, old: str, new: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return make


def moved(path: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        image = nib.load(root / path)
        affine = image.affine.copy()
        affine[0, 3] += 0.75 * affine[0, 0]
        save(root / path, np.asarray(image.dataobj), affine)

    return make


def header_of(path: str, **fields: object) -> Callable[[Path], None]:
    """The same voxels under a header that was changed."""

    def make(root: Path) -> None:
        image = nib.load(root / path)
        image.header["vox_offset"] = 352  # forgotten by nibabel when it was read
        for key, value in fields.items():
            image.header[key] = value
        voxels = np.asarray(image.dataobj).tobytes(order="F")
        with gzip.open(root / path, "wb") as file:
            file.write(image.header.binaryblock + b"\0" * 4 + voxels)

    return make


def removed(path: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        shutil.rmtree(root / path) if (root / path).is_dir() else (root / path).unlink()

    return make


def cut(path: str) -> Callable[[Path], None]:
    return lambda root: truncate(root / path) and None


def written(path: str, content: bytes = b"nonsense") -> Callable[[Path], None]:
    def make(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)

    return make


def oct_of(
    name: str, data: np.ndarray, spacing: tuple[float, float, float] = (0.01, 0.002, 0.1)
) -> Callable[[Path], None]:
    return lambda root: save_oct(root / RETOUCH / f"{name}.mhd", data, spacing) and None


def enormous(root: Path) -> None:
    """Files of holes, which take no room on the disk."""
    for name in ("oct", "reference"):
        edited(f"{RETOUCH}/{name}.mhd", "DimSize = 16 32 6", "DimSize = 1100 1100 1100")(root)
        with (root / RETOUCH / f"{name}.raw").open("r+b") as file:
            file.truncate(1100**3)


def oct_both(spacing: tuple[float, float, float]) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for name, data in (("oct", retina()), ("reference", np.zeros(RETINA, np.uint8))):
            save_oct(root / RETOUCH / f"{name}.mhd", data, spacing)

    return make


def in_tar(name: str) -> Callable[[Path], None]:
    """The archive packed, with a member of that name."""

    def make(root: Path) -> None:
        with tarfile.open(root / "IXI-T1.tar", "w") as archive:
            for path in sorted((root / "IXI-T1").iterdir()):
                archive.add(path, path.name)
            archive.addfile(tarfile.TarInfo(name))
        shutil.rmtree(root / "IXI-T1")

    return make


def in_zip(folder: str, file: str, name: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        with zipfile.ZipFile(root / file, "w") as archive:
            for path in sorted(p for p in (root / folder).rglob("*") if p.is_file()):
                archive.write(path, path.relative_to(root))
            archive.writestr(name, b"x")
        shutil.rmtree(root / folder)

    return make


def packed_and_cut(folder: str, file: str) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        shutil.make_archive(str(root / file.split(".")[0]), file.split(".")[1], root, folder)
        shutil.rmtree(root / folder)
        truncate(root / file, 0.3)

    return make

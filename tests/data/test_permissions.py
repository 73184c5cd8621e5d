"""Files that may not be read are no damaged ones."""

import io
import os
from pathlib import Path

import pytest
from archives import ixi, retouch_volume
from test_packed import NAMES, tar_flat, unpacked_msseg, zip_folder

from benchmark.archives.readers import reader
from benchmark.runtime.errors import DataError

IMAGE = f"IXI-T1/{NAMES[0]}.nii.gz"


@pytest.fixture
def locked(monkeypatch):
    """Refuses to read a file or folder, as an operating system does, though not of root."""

    def lock(path: Path) -> None:
        for module, name in ((io, "open"), (os, "listdir")):
            original = getattr(module, name)

            def call(file, *arguments, original=original, **options):
                if Path(file) == path:
                    raise PermissionError(13, "Permission denied", str(path))
                return original(file, *arguments, **options)

            monkeypatch.setattr(module, name, call)

    return lock


def only_fault(name: str, root: Path) -> str:
    [fault] = [str(found) for found in reader(name)(root) if isinstance(found, DataError)]
    return fault


def test_a_nifti_file(tmp_path, locked):
    ixi(tmp_path, NAMES)
    locked(tmp_path / IMAGE)
    assert only_fault("ixi", tmp_path) == f"{tmp_path / IMAGE}: may not be read. Correct the permissions."


def test_a_header_beside_its_voxels(tmp_path, locked):
    retouch_volume(tmp_path, "Spectralis", 25)
    header = retouch_volume(tmp_path, "Cirrus", 1) / "oct.mhd"
    locked(header)
    assert only_fault("retouch", tmp_path) == f"{header}: may not be read. Correct the permissions."


def test_voxels_beside_their_header(tmp_path, locked):
    """ITK alone would not say why."""
    retouch_volume(tmp_path, "Spectralis", 25)
    voxels = retouch_volume(tmp_path, "Cirrus", 1) / "oct.raw"
    subject = next(iter(reader("retouch")(tmp_path)))
    locked(voxels)
    with pytest.raises(DataError, match=r"oct\.raw: may not be read\. Correct the permissions"):
        subject.image()


def test_a_folder(tmp_path, locked):
    ixi(tmp_path, NAMES)
    locked(tmp_path / "IXI-T1")
    assert only_fault("ixi", tmp_path) == f"{tmp_path}/IXI-T1: may not be read. Correct the permissions."


def test_a_tar_file(tmp_path, locked):
    tar_flat(ixi(tmp_path / "x", NAMES) / "IXI-T1", tmp_path / "IXI-T1.tar")
    locked(tmp_path / "IXI-T1.tar")
    assert only_fault("ixi", tmp_path) == f"{tmp_path}/IXI-T1.tar: may not be read. Correct the permissions."


def test_a_zip_file(tmp_path, locked):
    zip_folder(unpacked_msseg(tmp_path / "x") / "Training", tmp_path / "MSSEG-Training.zip")
    locked(tmp_path / "MSSEG-Training.zip")
    assert only_fault("msseg", tmp_path) == f"{tmp_path}/MSSEG-Training.zip: may not be read. Correct the permissions."

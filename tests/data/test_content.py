"""The hash by which the inventory tells whether the files of a subject changed."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import ixi, msseg_patient, oasis_ixi, retouch_phantom, verified
from named_patients import FLAIR, IMAGES, PATIENTS, prepared
from small_datasets import inventoried
from test_packed import VENDORS, tar_flat, zip_flat

from benchmark.archives.inventory import inventory_field, take_inventory
from benchmark.archives.manifest import Manifest
from benchmark.archives.privacy.pseudonyms import known_pseudonyms
from benchmark.archives.readers import read
from benchmark.config.load import load_dataset
from benchmark.preparation.collect import collect
from benchmark.preparation.prepare import prepare_subject
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

SCANS = [f"IXI10{n}-IOP-000{n}-T1" for n in range(2)] + [f"IXI20{n}-HH-000{n}-T1" for n in range(2)]


def unpacked_ixi(root: Path) -> None:
    ixi(root, SCANS)
    for scan in SCANS[:2]:
        for kind in ("clean", "noisy"):
            (root / "truth/PL" / kind).mkdir(parents=True, exist_ok=True)
            shutil.copy(root / f"IXI-T1/{scan}.nii.gz", root / f"truth/PL/{kind}/{scan}.nii.gz")


def unpacked_msseg(root: Path) -> None:
    for centre in ("01", "07", "08"):
        for patient in ("01", "02"):
            msseg_patient(root, centre, patient)


def unpacked_oasis(root: Path) -> None:
    oasis_ixi(root)


def changed_file(path: Path) -> None:
    """One voxel is another, or the header."""
    if path.suffix == ".mhd":
        path.write_bytes(b"Comment = another header\n" + path.read_bytes())
    elif path.suffix == ".raw":
        path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    else:
        image = nib.load(path)
        data = np.asarray(image.dataobj).copy()
        data.flat[0] += 1
        nib.save(nib.Nifti1Image(data, image.affine, image.header), path)


def contents() -> dict[str, str]:
    verified("mini")
    take_inventory("mini")
    return inventory_field("mini", "content")


@pytest.mark.parametrize(
    ("reader", "put", "subject", "files"),
    [
        ("ixi", unpacked_ixi, "IXI101", 3),
        ("msseg", unpacked_msseg, "C07P02", 3),
        ("retouch", retouch_phantom, "TRAIN002", 8),
        ("oasis_ixi", unpacked_oasis, "OASIS1001", 2),
    ],
)
def test_any_file_that_is_read_of_a_subject_changes_its_content_and_no_other(
    dataset, reader, put: Callable[[Path], None], subject, files
):
    root = dataset("mini", reader)
    put(root)
    before = contents()
    assert len(set(before.values())) == len(before)
    found = next(s for s in read(reader, root) if s.id == subject)
    assert len(set(found.all_files)) == len(found.all_files) == files
    for file in found.all_files:
        kept = file.read_bytes()
        changed_file(file)
        assert file.read_bytes() != kept
        assert {s for s, content in contents().items() if content != before[s]} == {subject}, file
        file.write_bytes(kept)
    assert contents() == before


def test_a_file_that_is_not_read_changes_no_content(dataset):
    root = dataset("mini", "oasis_ixi")
    unpacked_oasis(root)
    before = contents()
    changed_file(root / "oasis/1001_classified.nii.gz")
    (root / "LICENSE.txt").write_text("terms")
    assert contents() == before


def packed_ixi(root: Path) -> None:
    tar_flat(root / "unpacked/IXI-T1", root / "IXI-T1.tar")


def packed_retouch(root: Path) -> None:
    for folder, name in VENDORS.items():
        zip_flat(root / "unpacked" / folder, root / name)


@pytest.mark.parametrize(
    ("reader", "put", "pack", "subject", "file"),
    [
        ("ixi", unpacked_ixi, packed_ixi, "IXI101", f"IXI-T1/{SCANS[1]}.nii.gz"),
        ("retouch", retouch_phantom, packed_retouch, "TRAIN002", "RETOUCH-TrainingSet-Cirrus/TRAIN002/oct.raw"),
        ("retouch", retouch_phantom, packed_retouch, "TRAIN025", "RETOUCH-TrainingSet-Spectralis/TRAIN025/oct.mhd"),
    ],
)
def test_a_file_of_a_packed_archive_that_changes_is_told_from_the_others(dataset, reader, put, pack, subject, file):
    root = dataset("mini", reader)
    put(root / "unpacked")
    shutil.move(root / "unpacked", root.parent / "unpacked")

    def contents_packed() -> dict[str, str]:
        shutil.copytree(root.parent / "unpacked", root / "unpacked")
        pack(root)
        shutil.rmtree(root / "unpacked")
        return contents()

    before = contents_packed()
    assert contents_packed() == before
    changed_file(root.parent / "unpacked" / file)
    assert {s for s, content in contents_packed().items() if content != before[s]} == {subject}


def test_a_file_that_came_after_the_archive_was_verified_is_told_before_anything_is_prepared(dataset):
    root = dataset("mini", "msseg")
    unpacked_msseg(root)
    verified("mini")
    for name in ("05", "06"):
        msseg_patient(root, "08", name)
    with pytest.raises(DataError, match=r"Patient_05/.* did not exist when the archive was verified \(and 1 more"):
        take_inventory("mini")


def test_subjects_that_were_prepared_of_other_files_are_not_collected(msseg):
    """As after Snakemake's own folder was deleted, with what it remembers of every job."""
    root = msseg()
    prepared()
    changed_file(root / IMAGES / PATIENTS[1] / FLAIR)
    inventoried("mini")
    folder = paths.subject("mini", PATIENTS[1])
    with pytest.raises(
        DataError, match=rf"{folder}/subject.json: was prepared from other files .* Delete {folder} and run snakemake"
    ):
        collect("mini")


def test_with_pseudonyms_the_hash_needs_the_key(msseg):
    msseg()
    plain = contents()
    manifest = Manifest.read(load_dataset("mini"))
    texts = [json.dumps(manifest.checksums(subject)) for subject in read("msseg", paths.raw("mini"))]
    assert {hashlib.sha256(text.encode()).hexdigest() for text in texts} == set(plain.values())
    shutil.rmtree(paths.PREPARED)
    msseg(pseudonyms=True)
    first = contents()
    assert contents() == first
    assert set(known_pseudonyms(load_dataset("mini")).values()) == set(first)
    assert not set(first.values()) & set(plain.values())
    shutil.rmtree(paths.PREPARED)
    paths.private("mini").unlink()
    assert not set(contents().values()) & set(first.values())


def test_with_pseudonyms_no_checksum_of_the_archive_stands_in_what_is_prepared(msseg):
    msseg(pseudonyms=True)
    prepared()
    checksums = json.loads(paths.private_manifest("mini").read_text())["files"].values()
    records = [path.read_text() for path in paths.PREPARED.rglob("*.json")]
    assert len(records) > 6
    assert not [md5 for md5 in checksums for record in records if md5 in record]


def test_the_truth_that_is_wanted_is_that_of_test_subjects_of_a_phantom_s_source(dataset):
    root = dataset("mini", "retouch")
    retouch_phantom(root)
    verified("mini")
    take_inventory("mini")
    assert not any(inventory_field("mini", "wanted_truth").values())
    dataset("mini", "retouch", phantom=True)
    take_inventory("mini")
    wanted = inventory_field("mini", "wanted_truth")
    assert sorted(map(tuple, wanted.values())) == [(), (), (), (), ("SP",)]
    assert next(s for s, targets in wanted.items() if targets) in ("TRAIN001", "TRAIN002", "TRAIN003")


def test_no_truth_is_wanted_of_whom_the_inventory_leaves_out(dataset):
    root = dataset("mini", "retouch", phantom=True, exclude=["TRAIN003"])
    retouch_phantom(root)
    inventoried("mini")
    prepare_subject("mini", "TRAIN003")
    assert not (paths.subject("mini", "TRAIN003") / "truth").exists()

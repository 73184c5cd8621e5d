# ruff: noqa: E501  one fault a line
"""Every fault that an archive can have, made for real in each dataset in which it can occur, and what is said of it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from archives import damage, ixi, msseg_patient, retouch_volume, save
from faults import (
    BRAIN,
    CONSENSUS,
    FLAIR,
    IXI,
    IXI_ID,
    IXI_IMAGE,
    MSSEG,
    MSSEG_ID,
    OASIS_ID,
    OASIS_IMAGE,
    OASIS_LABELS,
    RETINA,
    RETOUCH,
    RETOUCH_ID,
    SHAPE,
    build,
    changed,
    cut,
    edited,
    enormous,
    header_of,
    in_tar,
    in_zip,
    moved,
    oct_both,
    oct_of,
    packed_and_cut,
    removed,
    stretched,
    with_one,
    written,
    written_as,
)
from small_datasets import BASE
from typer.testing import CliRunner

from benchmark.archives.report import matches_published
from benchmark.cli.app import app
from benchmark.config.load import load_dataset


@dataclass(frozen=True)
class Fault:
    """A fault, and what is said of it: the thing, the fault, the subject that a config can exclude."""

    name: str
    dataset: str
    make: Callable[[Path], None]
    thing: str
    said: str
    subject: str | None = None

    def __str__(self) -> str:
        return f"{self.dataset}-{self.name}".replace(" ", "_")


F = Fault
LABELS = np.zeros(RETINA, np.uint8)
FAULTS = [
    # IXI
    F("wrong archive", "ixi", removed("IXI-T1"), "IXI-T1", "does not exist"),
    F("nothing in it", "ixi", lambda r: [p.unlink() for p in (r / "IXI-T1").iterdir()] and None, "IXI-T1", "is empty"),
    F("an extra file", "ixi", written("IXI-T1/IXI999.nii.gz"), "IXI999.nii.gz", "is no name of an IXI T1 image"),
    F("truncated gzip", "ixi", cut(IXI_IMAGE), IXI_IMAGE, "is damaged or truncated", IXI_ID),
    F("an empty file", "ixi", written(IXI_IMAGE, b""), IXI_IMAGE, "is empty: a file of 0 bytes", IXI_ID),
    F("no NIfTI", "ixi", written(IXI_IMAGE), IXI_IMAGE, "is no readable NIfTI file", IXI_ID),
    F("damaged gzip", "ixi", lambda r: damage(r / IXI_IMAGE) and None, IXI_IMAGE, "is damaged or truncated", IXI_ID),
    F("a header of more voxels", "ixi", header_of(IXI_IMAGE, dim=[3, 6, 7, 80, 1, 1, 1, 1]), IXI_IMAGE, "damaged or truncated", IXI_ID),
    F("no orientation", "ixi", header_of(IXI_IMAGE, qform_code=0, sform_code=0), IXI_IMAGE, "does not say how it is oriented", IXI_ID),
    F("a singular orientation", "ixi", header_of(IXI_IMAGE, srow_x=[0, 0, 0, 0]), IXI_IMAGE, "singular or non-finite", IXI_ID),
    F("four dimensions", "ixi", header_of(IXI_IMAGE, dim=[4, 6, 7, 4, 2, 1, 1, 1]), IXI_IMAGE, "not a 3-D volume", IXI_ID),
    F("colours", "ixi", written_as(IXI_IMAGE, np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])), IXI_IMAGE, "holds RGB voxels", IXI_ID),
    F("complex numbers", "ixi", written_as(IXI_IMAGE, np.ones(SHAPE, np.complex64)), IXI_IMAGE, "holds complex64 voxels", IXI_ID),
    F("a header of fewer voxels", "ixi", header_of(IXI_IMAGE, dim=[3, 6, 7, 7, 1, 1, 1, 1]), IXI_IMAGE, "holds more voxels than the 6 x 7 x 7", IXI_ID),
    F("a header of smaller voxels", "ixi", header_of(IXI_IMAGE, datatype=2, bitpix=8), IXI_IMAGE, "or larger ones", IXI_ID),
    F("terabytes", "ixi", header_of(IXI_IMAGE, dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]), IXI_IMAGE, "it holds 1024 bytes, and its header states 54000000000352", IXI_ID),
    F("voxels in the header", "ixi", header_of(IXI_IMAGE, vox_offset=0), IXI_IMAGE, "its voxels begin at byte 0", IXI_ID),
    F("an infinite offset", "ixi", header_of(IXI_IMAGE, vox_offset=np.inf), IXI_IMAGE, "its voxels begin at byte inf", IXI_ID),
    F("an infinite scale", "ixi", header_of(IXI_IMAGE, scl_slope=np.inf), IXI_IMAGE, "scales its voxels by numbers that are not finite", IXI_ID),
    F("no size of voxels", "ixi", header_of(IXI_IMAGE, pixdim=[1, 2, 0, 2, 0, 0, 0, 0], sform_code=0, qform_code=1), IXI_IMAGE, "a side of 0 mm", IXI_ID),
    F("half a scale", "ixi", header_of(IXI_IMAGE, scl_slope=2, scl_inter=np.nan), IXI_IMAGE, "scales its voxels by numbers that are not finite", IXI_ID),
    F("one slice", "ixi", changed(IXI_IMAGE, lambda d: d[:, :, :1]), IXI_IMAGE, "has 6 x 7 x 1 voxels, and 4 are needed", IXI_ID),
    F("a thin slab", "ixi", stretched(IXI_IMAGE, (1, 1, 0.1)), IXI_IMAGE, "spans 12 x 14 x 1.6 mm, and sides from 5 to 1000", IXI_ID),
    F("metres", "ixi", stretched(IXI_IMAGE, (1000, 1000, 1000)), IXI_IMAGE, "has voxels of 2000 x 2000 x 2000 mm", IXI_ID),
    F("micrometres", "ixi", stretched(IXI_IMAGE, (0.001, 0.001, 0.001)), IXI_IMAGE, "has voxels of 0.002 x", IXI_ID),
    F("NaN", "ixi", changed(IXI_IMAGE, with_one(np.nan)), IXI_IMAGE, "is NaN or infinite in 1 voxel", IXI_ID),
    F("infinity", "ixi", changed(IXI_IMAGE, with_one(np.inf)), IXI_IMAGE, "is NaN or infinite in 1 voxel", IXI_ID),
    F("empty", "ixi", changed(IXI_IMAGE, np.zeros_like), IXI_IMAGE, "is empty", IXI_ID),
    F("constant", "ixi", changed(IXI_IMAGE, lambda d: np.full_like(d, 7)), IXI_IMAGE, "is constant", IXI_ID),
    F("background", "ixi", changed(IXI_IMAGE, lambda d: -d), IXI_IMAGE, "is background throughout", IXI_ID),
    F("two domains", "ixi", lambda r: ixi(r, ["IXI101-HH-0009-T1"]) and None, "", "holds subject IXI101 in two domains"),
    F("the same id", "ixi", lambda r: ixi(r, ["IXI101-IOP-0009-T1"]) and None, "", "holds subject IXI101 twice"),
    F("the same image twice", "ixi", lambda r: shutil.copy(r / IXI_IMAGE, r / "IXI-T1/IXI777-HH-0001-T1.nii.gz") and None, "", "holds the same image for IXI101 and IXI777"),
    F("a scanner without subjects", "ixi", lambda r: [p.unlink() for p in r.rglob("*-HH-*")] and None, "", "holds no subject of PL"),
    F("a path that leaves", "ixi", in_tar("../IXI300-HH-0001-T1.nii.gz"), "IXI-T1.tar", "a path that leaves the archive"),
    F("a truncated tar", "ixi", packed_and_cut("IXI-T1", "IXI-T1.tar"), "IXI-T1.tar", "is damaged or truncated"),
    # MS-SEG
    F("wrong archive", "msseg", removed("Training"), "Training", "does not exist"),
    F("the testing archive", "msseg", lambda r: msseg_patient(r, "03", "01") and None, "Center_03", "is of centre 03"),
    F("an extra folder", "msseg", written("Training/Center_07/Patient_x/x.nii.gz"), "Patient_x", "is not named like"),
    F("no image", "msseg", removed(FLAIR), FLAIR, "is missing", MSSEG_ID),
    F("no labels", "msseg", removed(CONSENSUS), CONSENSUS, "is missing", MSSEG_ID),
    F("no mask", "msseg", removed(BRAIN), BRAIN, "is missing", MSSEG_ID),
    F("truncated gzip", "msseg", cut(FLAIR), FLAIR, "is damaged or truncated", MSSEG_ID),
    F("truncated labels", "msseg", cut(CONSENSUS), CONSENSUS, "is damaged or truncated", MSSEG_ID),
    F("labels of another shape", "msseg", lambda r: save(r / CONSENSUS, np.zeros((6, 7, 9), np.uint8)) and None, CONSENSUS, "has 6 x 7 x 9 voxels", MSSEG_ID),
    F("labels elsewhere", "msseg", moved(CONSENSUS), CONSENSUS, "lies 0.75 voxels away", MSSEG_ID),
    F("a mask elsewhere", "msseg", moved(BRAIN), BRAIN, "lies 0.75 voxels away", MSSEG_ID),
    F("another label", "msseg", changed(CONSENSUS, with_one(2)), CONSENSUS, "holds the labels 2, and the dataset's are 1", MSSEG_ID),
    F("half a label", "msseg", changed(CONSENSUS, with_one(0.5)), CONSENSUS, "holds 0.5, and labels are whole numbers", MSSEG_ID),
    F("an empty mask", "msseg", changed(BRAIN, np.zeros_like), BRAIN, "covers nothing", MSSEG_ID),
    F("NaN", "msseg", changed(FLAIR, with_one(np.nan)), FLAIR, "NaN or infinite", MSSEG_ID),
    F("NaN in labels", "msseg", changed(CONSENSUS, with_one(np.nan)), CONSENSUS, "NaN or infinite", MSSEG_ID),
    F("infinity", "msseg", changed(FLAIR, with_one(-np.inf)), FLAIR, "is NaN or infinite in 1 voxel", MSSEG_ID),
    F("empty", "msseg", changed(FLAIR, np.zeros_like), FLAIR, "is empty", MSSEG_ID),
    F("constant", "msseg", changed(FLAIR, lambda d: np.full_like(d, 7)), FLAIR, "is constant", MSSEG_ID),
    F("background", "msseg", changed(FLAIR, lambda d: -d), FLAIR, "is background throughout", MSSEG_ID),
    F("a header of more voxels", "msseg", header_of(FLAIR, dim=[3, 6, 7, 80, 1, 1, 1, 1]), FLAIR, "damaged or truncated", MSSEG_ID),
    F("the same image twice", "msseg", lambda r: shutil.copytree(r / MSSEG, r / f"{MSSEG[:-2]}09") and None, "", f"holds the same image for {MSSEG_ID} and C07P09"),
    F("no orientation", "msseg", header_of(FLAIR, qform_code=0, sform_code=0), FLAIR, "does not say how it is oriented", MSSEG_ID),
    F("a path that leaves", "msseg", in_zip("Training", "MSSEG-Training.zip", "../x"), "MSSEG-Training.zip", "a path that leaves"),
    F("a truncated zip", "msseg", packed_and_cut("Training", "MSSEG-Training.zip"), "MSSEG-Training.zip", "is damaged or truncated"),
    # RETOUCH
    F("a vendor is missing", "retouch", removed("RETOUCH-TrainingSet-Spectralis"), "RETOUCH-TrainingSet-Spectralis", "does not exist"),
    F("an extra file", "retouch", written("RETOUCH-TrainingSet-Cirrus/x.mhd"), "x.mhd", "is not named like TRAIN001"),
    F("no image", "retouch", removed(f"{RETOUCH}/oct.mhd"), "oct.mhd", "is missing", RETOUCH_ID),
    F("no voxels", "retouch", removed(f"{RETOUCH}/oct.raw"), "oct.raw", "is missing", RETOUCH_ID),
    F("no labels", "retouch", removed(f"{RETOUCH}/reference.mhd"), "reference.mhd", "is missing", RETOUCH_ID),
    F("no MetaImage", "retouch", written(f"{RETOUCH}/oct.mhd"), "oct.mhd", "is no readable MetaImage header", RETOUCH_ID),
    F("truncated voxels", "retouch", cut(f"{RETOUCH}/oct.raw"), "oct.raw", "bytes, and oct.mhd states", RETOUCH_ID),
    F("labels of another shape", "retouch", oct_of("reference", LABELS[:-1]), "reference.mhd", "has 15 x 32 x 6 voxels", RETOUCH_ID),
    F("labels elsewhere", "retouch", oct_of("reference", LABELS, (0.02, 0.002, 0.1)), "reference.mhd", "lies", RETOUCH_ID),
    F("metres", "retouch", oct_both((10, 2, 100)), "oct.mhd", "has voxels of 10 x 2 x 100 mm", RETOUCH_ID),
    F("no name of the voxels", "retouch", edited(f"{RETOUCH}/oct.mhd", "ElementDataFile = oct.raw", ""), "oct.mhd", "", RETOUCH_ID),
    F("voxels elsewhere", "retouch", edited(f"{RETOUCH}/oct.mhd", "oct.raw", "../oct.raw"), "oct.mhd", "'ElementDataFile', in another folder", RETOUCH_ID),
    F("a billion voxels", "retouch", enormous, "oct.mhd", "has 1100 x 1100 x 1100 voxels, more than", RETOUCH_ID),
    F("two dimensions", "retouch", lambda r: sitk.WriteImage(sitk.Image([16, 32], sitk.sitkUInt8), str(r / RETOUCH / "oct.mhd")), "oct.mhd", "is no readable MetaImage header", RETOUCH_ID),
    F("a label of 1e38", "retouch", oct_of("reference", LABELS + np.float32(1e38)), "reference.mhd", "holds the labels 1e+38", RETOUCH_ID),
    F("another label", "retouch", oct_of("reference", LABELS + 4), "reference.mhd", "holds the labels 4", RETOUCH_ID),
    F("half a label", "retouch", oct_of("reference", LABELS + np.float32(0.5)), "reference.mhd", "whole numbers", RETOUCH_ID),
    F("NaN", "retouch", oct_of("oct", with_one(np.nan)(LABELS + np.float32(1))), "oct.mhd", "NaN or infinite", RETOUCH_ID),
    F("infinity", "retouch", oct_of("oct", with_one(np.inf)(LABELS + np.float32(1))), "oct.mhd", "NaN or infinite", RETOUCH_ID),
    F("empty", "retouch", oct_of("oct", 0 * LABELS), "oct.mhd", "is empty", RETOUCH_ID),
    F("background", "retouch", oct_of("oct", with_one(0)(-1 - LABELS.astype(np.int16))), "oct.mhd", "is background throughout", RETOUCH_ID),
    F("NaN in labels", "retouch", oct_of("reference", with_one(np.nan)(LABELS.astype(np.float32))), "reference.mhd", "NaN or infinite", RETOUCH_ID),
    F("a truncated zip", "retouch", packed_and_cut("RETOUCH-TrainingSet-Cirrus", "RETOUCH-TrainingSet-Cirrus.zip"), "Cirrus.zip", "is damaged or truncated"),
    F("constant", "retouch", oct_of("oct", LABELS + 9), "oct.mhd", "is constant", RETOUCH_ID),
    F("another vendor's number", "retouch", lambda r: shutil.move(r / RETOUCH, r / "RETOUCH-TrainingSet-Cirrus/TRAIN049") and None, "Cirrus/TRAIN049", "has the number 049, and those of this scanner are 001 to 024"),
    F("the same image twice", "retouch", lambda r: shutil.copytree(r / RETOUCH, r / "RETOUCH-TrainingSet-Cirrus/TRAIN009") and None, "", "holds the same image for TRAIN002 and TRAIN009"),
    F("two domains", "retouch", lambda r: retouch_volume(r, "Spectralis", 2) and None, "Spectralis/TRAIN002", "has the number 002, and those of this scanner are 025 to 048"),
    F("a path that leaves", "retouch", in_zip("RETOUCH-TrainingSet-Cirrus", "RETOUCH-TrainingSet-Cirrus.zip", "/x"), "Cirrus.zip", "a path that leaves"),
    # OASIS and IXI-HH
    F("wrong archive", "oasis_ixi", removed("oasis"), "oasis", "does not exist"),
    F("no labels", "oasis_ixi", removed(OASIS_LABELS), OASIS_LABELS, "is missing", OASIS_ID),
    F("an extra file", "oasis_ixi", written("oasis/9_SS.nii.gz"), "9_SS.nii.gz", "is no name of this archive"),
    F("labels without an image", "oasis_ixi", written("ixi_hh/IXI999-HH-1_T1_DLMUSE.nii.gz"), "IXI999-HH-1_T1_DLMUSE.nii.gz", "belongs to no image"),
    F("truncated gzip", "oasis_ixi", cut(OASIS_IMAGE), OASIS_IMAGE, "is damaged or truncated", OASIS_ID),
    F("labels elsewhere", "oasis_ixi", moved(OASIS_LABELS), OASIS_LABELS, "lies 0.75 voxels away", OASIS_ID),
    F("no brain", "oasis_ixi", changed(OASIS_LABELS, np.zeros_like), OASIS_LABELS, "covers nothing", OASIS_ID),
    F("no image", "oasis_ixi", removed(OASIS_IMAGE), OASIS_LABELS, "belongs to no image"),
    F("NaN", "oasis_ixi", changed(OASIS_IMAGE, with_one(np.nan)), OASIS_IMAGE, "is NaN or infinite in 1 voxel", OASIS_ID),
    F("constant", "oasis_ixi", changed(OASIS_IMAGE, np.ones_like), OASIS_IMAGE, "is constant", OASIS_ID),
]  # fmt: skip


def checked(root: Path, *options: str) -> tuple[int, dict]:
    result = CliRunner().invoke(app, ["data", "check", "mini", "--json", *options, str(root)], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def archive(dataset) -> Callable[..., Path]:
    def make(name: str, **changes: object) -> Path:
        root = dataset("mini", name, **{"split": {"protocol": "holdout"}, **changes})
        build(name, root)
        return root

    return make


@pytest.mark.parametrize("name", sorted(BASE))
def test_a_good_archive(archive, name):
    code, report = checked(archive(name), "--voxels")
    assert code == 0
    assert report["faults"] == []
    assert len(report["subjects"]) >= 4


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_fault(archive, fault):
    root = archive(fault.dataset)
    good = set(checked(root)[1]["subjects"])
    fault.make(root)
    code, report = checked(root, "--voxels")
    assert code == 2
    told = [
        f for f in report["faults"] if fault.said in f["fault"] and Path(f["thing"]).as_posix().find(fault.thing) >= 0
    ]
    assert told, report["faults"]
    assert told[0]["remedy"]
    assert told[0]["subject"] == fault.subject
    if fault.subject:
        assert len(report["faults"]) == 1
        assert good - {fault.subject} <= set(report["subjects"])


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.subject], ids=str)
def test_a_subject_at_fault_can_be_excluded(archive, fault):
    root = archive(fault.dataset, exclude=[fault.subject])
    fault.make(root)
    code, report = checked(root, "--voxels")
    assert code == 0, report["faults"]
    assert report["excluded"] == [fault.subject]


def test_each_scanner_needs_as_many_subjects_as_there_are_folds(archive):
    split = {"protocol": "leave_one_out", "folds": 3}
    report = checked(archive("msseg", split=split, exclude=["C07P02"]))[1]
    [fault] = report["faults"]
    assert fault["thing"] == "mini, scanner SA"
    assert fault["fault"] == "has 2 subjects, and leave-one-out over 3 folds needs as many"
    assert "exclude subjects until all scanners have the same number, and set 'split: folds' to it" in fault["remedy"]
    one_of_each = ["C01P02", "C07P02", "C08P02"]
    assert checked(archive("msseg", split={**split, "folds": 2}, exclude=one_of_each))[0] == 0


def test_one_subject_cannot_be_divided(archive):
    code, report = checked(archive("retouch", exclude=["TRAIN001", "TRAIN002"]))
    assert code == 2
    assert [f["fault"] for f in report["faults"]] == ["has 1 subject, which cannot be divided into training and test"]


def test_all_faults_are_told_at_once(archive):
    root = archive("msseg")
    for make in (removed(FLAIR), moved("Training/Center_01/Patient_01/Masks/Brain_Mask.nii.gz")):
        make(root)
    changed("Training/Center_08/Patient_01/Masks/Consensus.nii.gz", with_one(5))(root)
    code, report = checked(root, "--voxels")
    assert code == 2
    assert {f["subject"] for f in report["faults"]} == {"C01P01", "C07P02", "C08P01"}


def test_the_table_for_a_person(archive):
    root = archive("retouch")
    removed(f"{RETOUCH}/oct.raw")(root)
    result = CliRunner().invoke(app, ["data", "check", "mini", str(root)])
    assert result.exit_code == 2
    assert "CR" in result.stdout
    assert "16 × 32 × 6" in result.stdout
    assert f"fault: {root}/{RETOUCH}/oct.raw: is missing. Get the whole archive." in result.stdout
    assert "5 subjects, 0 excluded, 0 warnings, 1 fault\n" in result.stdout


def test_headers_alone_are_read_unless_voxels_are_asked_for(archive):
    root = archive("ixi")
    changed(IXI_IMAGE, with_one(np.nan))(root)
    assert checked(root)[0] == 0
    assert checked(root, "--voxels")[0] == 2


def test_warnings(archive):
    domains = {"GE": {"title": "GE", "published_subjects": 74}, "PL": {"title": "PL"}}
    root = archive("ixi", domains=domains)
    save(root / IXI_IMAGE, np.arange(5 * 7 * 8).reshape(5, 7, 8).astype(np.int16), np.diag([1.0, 2.0, 2.0, 1.0]))
    code, report = checked(root)
    assert code == 0
    assert report["warnings"] == [
        "GE: 3 subjects, but 74 are published",
        "GE: most have 6 × 7 × 8 voxels, but not IXI101",
        "GE: most have voxels of 2 × 2 × 2 mm, but not IXI101",
    ]


@pytest.mark.parametrize(
    ("printed", "warnings"),
    [
        ((2, 2, 2), []),
        ((1, 2, 2), ["GE: voxels are 2 × 2 × 2 mm, but 1 × 2 × 2 mm are expected"]),
        ((2, 2, 2.2), ["GE: voxels are 2 × 2 × 2 mm, but 2 × 2 × 2.2 mm are expected"]),
    ],
)
def test_voxels_of_another_size_than_printed_are_a_warning(archive, printed, warnings):
    domains = {"GE": {"title": "GE", "published_spacing": printed}, "PL": {"title": "PL"}}
    assert checked(archive("ixi", domains=domains))[1]["warnings"] == warnings


def test_printed_sizes_are_rounded_or_cut_off_and_their_axes_in_any_order():
    assert matches_published((0.0117, 0.00196, 0.047), (0.01, 0.001, 0.05))  # Cirrus
    assert matches_published((0.9375, 0.9375, 1.2), (1.2, 0.9, 0.9))  # IXI
    assert not matches_published((0.7, 0.7, 0.7), (1.2, 1, 1))  # MS-SEG's Ingenia in the Aera's place
    assert not matches_published((0.1, 0.1, 0.1), (1e-5, 1e-5, 1e-5))


def test_of_msseg_the_paper_prints_two_scanners_voxels_in_each_others_place():
    domains = load_dataset("msseg").domains
    for code, voxel in {"SA": (1.25, 1.03, 1.03), "PI": (0.7, 0.744, 0.744), "SV": (1.1, 0.5, 0.5)}.items():
        fitting = [c for c, d in domains.items() if matches_published(voxel, d.expected_spacing or d.published_spacing)]
        assert fitting == [code]


def test_volumes_of_labels(archive):
    root = archive("msseg")
    report = checked(root, "--voxels")[1]
    assert report["subjects"]["C07P01"]["label_volumes_mm3"] == {"lesion": 8000.0}


@pytest.mark.parametrize(
    ("name", "labels", "scanner", "subject"),
    [("msseg", CONSENSUS, "SA", MSSEG_ID), ("retouch", f"{RETOUCH}/reference.mhd", "CR", RETOUCH_ID)],
)
def test_a_label_map_without_labels_is_a_warning(archive, name, labels, scanner, subject):
    """Patients without lesions or fluid exist, so it is no fault."""
    root = archive(name)
    assert checked(root, "--voxels")[1]["warnings"] == []
    if name == "msseg":
        changed(labels, np.zeros_like)(root)
    else:
        oct_of("reference", LABELS)(root)
    code, report = checked(root, "--voxels")
    said = "no voxel has a label, as for a healthy subject, or if the label map is wrong"
    assert (code, report["warnings"]) == (0, [f"{scanner}: {said}: {subject}"])
    assert checked(root)[1]["warnings"] == []


def test_one_voxel_of_an_oct_is_a_label(archive):
    """Its volume is 0.000002 mm³."""
    root = archive("retouch")
    oct_of("reference", with_one(1)(LABELS))(root)
    assert checked(root, "--voxels")[1]["warnings"] == []


def test_files_of_duplicates_are_named(archive):
    root = archive("ixi")
    folder = root / "IXI-T1"
    ixi(root, ["IXI101-IOP-0009-T1"])
    shutil.copy(folder / f"{IXI[0]}.nii.gz", folder / "IXI777-HH-0001-T1.nii.gz")
    twice, same = (f["fault"] for f in checked(root, "--voxels")[1]["faults"])
    assert twice == f"holds subject IXI101 twice: {root / IXI_IMAGE} and {folder}/IXI101-IOP-0009-T1.nii.gz"
    files = f"{folder / IXI[0]}.nii.gz and {folder}/IXI777-HH-0001-T1.nii.gz"
    assert same == f"holds the same image for IXI100 and IXI777: {files}"

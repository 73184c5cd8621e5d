"""Archives that lie a folder too far in or out, in another's place, or under another name: one message, which helps."""

import bz2
import gzip
import json
import lzma
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from archives import ixi, msseg_patient, oasis_ixi, retouch_volume
from test_packed import NAMES, OLD, tar_flat, unpacked_old_msseg, unpacked_retouch, zip_flat, zip_folder
from typer.testing import CliRunner

from benchmark import cli
from benchmark.archives.readers import reader
from benchmark.cli.app import app
from benchmark.runtime.errors import DataError

CIRRUS, SPECTRALIS = "RETOUCH-TrainingSet-Cirrus", "RETOUCH-TrainingSet-Spectralis"


def faults(name: str, root: Path) -> list[str]:
    return [str(found) for found in reader(name)(root) if isinstance(found, DataError)]


def shanoir(root: Path) -> Path:
    for centre in ("01", "07", "08"):
        msseg_patient(root, centre, "01")
    return root


def unpacked_ixi(root: Path) -> Path:
    return ixi(root, NAMES)


@pytest.mark.parametrize(
    ("name", "build", "inner"),
    [
        ("ixi", unpacked_ixi, "IXI-T1"),
        ("msseg", shanoir, "Training"),
        ("msseg", shanoir, "Training/Center_01"),
        ("msseg", unpacked_old_msseg, OLD[0]),
        ("msseg", unpacked_old_msseg, OLD[1]),
        ("msseg", unpacked_old_msseg, f"{OLD[0]}/TrainingDataset_MSSEG"),
        ("oasis_ixi", oasis_ixi, "oasis"),
        ("retouch", unpacked_retouch, CIRRUS),
        ("retouch", unpacked_retouch, f"{SPECTRALIS}/TRAIN025"),
    ],
)
def test_an_inner_folder_is_told_which_one_to_name(tmp_path, name, build, inner):
    root = build(tmp_path / "archive")
    assert faults(name, root) == []
    found = faults(name, root / inner)
    assert found
    for fault in found:
        assert fault.endswith(f"does not exist. Name the folder that contains '{inner.split('/')[0]}': {root}.")


@pytest.mark.parametrize(("name", "build"), [("ixi", unpacked_ixi), ("msseg", shanoir), ("retouch", unpacked_retouch)])
def test_an_outer_folder_is_told_which_one_to_name(tmp_path, name, build):
    root = build(tmp_path / "archive")
    for fault in faults(name, tmp_path):
        assert fault.endswith(f"It lies in {root}: name that folder, or move its content into {tmp_path}.")
    assert faults(name, tmp_path)


@pytest.mark.parametrize("pack", [zip_folder, zip_flat])
def test_one_of_two_packed_files_is_not_the_archive(tmp_path, pack):
    for name, root, folder in (
        ("retouch", unpacked_retouch(tmp_path / "a"), SPECTRALIS),
        ("msseg", unpacked_old_msseg(tmp_path / "b"), OLD[0]),
        ("msseg", unpacked_old_msseg(tmp_path / "c"), OLD[1]),
    ):
        pack(root / folder, tmp_path / f"{folder}.zip")
        [fault] = faults(name, tmp_path / f"{folder}.zip")
        assert f"{folder}.zip: does not hold all of the archive" in fault
        assert fault.endswith(f"Name the folder with all of its files, such as {tmp_path}.")


def test_one_file_that_holds_both_scanners_is_read(tmp_path):
    unpacked_retouch(tmp_path / "a")
    zip_flat(tmp_path / "a", tmp_path / "both.zip")
    assert [s.id for s in reader("retouch")(tmp_path / "both.zip")] == ["TRAIN001", "TRAIN025"]


def swapped(pack: Callable[[Path, Path], None], there: Path, here: Path, names: tuple[str, str]) -> None:
    here.mkdir()
    for folder, name in (names, reversed(names)):
        pack(there / folder, here / f"{name}.zip")


def test_swapped_files_are_told_with_what_they_hold(tmp_path):
    swapped(zip_folder, unpacked_retouch(tmp_path / "a"), tmp_path / "b", (CIRRUS, SPECTRALIS))
    assert faults("retouch", tmp_path / "b") == [
        f"{tmp_path}/b/{name}.zip: holds '{held}', not '{name}'. Give each file its own name again."
        for name, held in ((CIRRUS, SPECTRALIS), (SPECTRALIS, CIRRUS))
    ]
    swapped(zip_folder, unpacked_old_msseg(tmp_path / "c"), tmp_path / "d", OLD)
    [fault] = faults("msseg", tmp_path / "d")
    assert f"holds '{OLD[1]}', not '{OLD[0]}'. Give each file its own name again." in fault


def test_swapped_files_without_folders_are_told_by_their_numbers(tmp_path):
    swapped(zip_flat, unpacked_retouch(tmp_path / "a"), tmp_path / "b", (CIRRUS, SPECTRALIS))
    one, other = faults("retouch", tmp_path / "b")
    assert "Cirrus.zip: holds no volume of this scanner, whose numbers are 001 to 024. Give each scanner's file" in one
    assert "Spectralis.zip: holds no volume of this scanner, whose numbers are 025 to 048." in other


def test_topcon_in_the_place_of_cirrus(tmp_path):
    retouch_volume(tmp_path / "a", "Topcon", 49)
    retouch_volume(tmp_path, "Spectralis", 25)
    zip_folder(tmp_path / "a/RETOUCH-TrainingSet-Topcon", tmp_path / f"{CIRRUS}.zip")
    [fault] = faults("retouch", tmp_path)
    assert "holds 'RETOUCH-TrainingSet-Topcon', not 'RETOUCH-TrainingSet-Cirrus'" in fault


@pytest.mark.parametrize("given", ["folder", "file"])
def test_the_testing_archive_in_the_place_of_the_training_one(tmp_path, given):
    for patient in ("01", "02"):
        shutil.move(msseg_patient(tmp_path / "a", "03", patient), tmp_path / f"a/Testing/Center_03/Patient_{patient}")
    zip_folder(tmp_path / "a/Testing", tmp_path / "MSSEG-Training.zip")
    [fault] = faults("msseg", tmp_path if given == "folder" else tmp_path / "MSSEG-Training.zip")
    assert fault.endswith("Testing: is the testing archive. Use the training archive, not the testing one.")


def test_a_centre_of_the_testing_archive_is_told_once(tmp_path):
    for patient in ("01", "02", "03"):
        msseg_patient(tmp_path, "03", patient)
    assert len(faults("msseg", shanoir(tmp_path))) == 1


@pytest.mark.parametrize(
    ("name", "compress", "remedy"),
    [
        ("IXI-T1.tar.gz", gzip.compress, "Uncompress it: gunzip IXI-T1.tar.gz."),
        ("IXI-T1.tgz", gzip.compress, "Uncompress it: gunzip IXI-T1.tgz."),
        ("IXI-T1.tar.xz", lzma.compress, "Uncompress it: unxz IXI-T1.tar.xz."),
        ("IXI-T1.tar", gzip.compress, "Rename it to IXI-T1.tar.gz. Uncompress it: gunzip IXI-T1.tar.gz."),
        ("IXI-T1.tar", bz2.compress, "Rename it to IXI-T1.tar.bz2. Uncompress it: bunzip2 IXI-T1.tar.bz2."),
    ],
)
@pytest.mark.parametrize("named", [False, True])
def test_a_compressed_tar_is_told_how_to_uncompress_it(tmp_path, name, compress, remedy, named):
    tar_flat(unpacked_ixi(tmp_path / "x") / "IXI-T1", tmp_path / "plain")
    (tmp_path / name).write_bytes(compress((tmp_path / "plain").read_bytes()))
    shutil.rmtree(tmp_path / "x")
    [fault] = faults("ixi", tmp_path / name if named else tmp_path)
    assert fault == f"{tmp_path / name}: is a compressed tar file, and only a plain one is read. {remedy}"


def test_missing_labels_of_all_patients_are_told_once(tmp_path):
    shutil.rmtree(unpacked_old_msseg(tmp_path) / OLD[1])
    [fault] = faults("msseg", tmp_path)
    assert fault == (
        f"{tmp_path}/{OLD[1]}: does not exist. "
        f"Put all of '{OLD[1]}' here, packed or unpacked: the labels of 2 patients are in it."
    )


def test_missing_images_of_all_patients(tmp_path):
    shutil.rmtree(unpacked_old_msseg(tmp_path) / OLD[0])
    assert faults("msseg", tmp_path) == [
        f"{tmp_path}/{OLD[0]}: does not exist. Put all of '{OLD[0]}' here, packed or unpacked."
    ]


def test_a_patient_with_labels_alone(tmp_path):
    shutil.rmtree(unpacked_old_msseg(tmp_path) / OLD[0] / "TrainingDataset_MSSEG/07001MOEL")
    found = list(reader("msseg")(tmp_path))
    assert found[0].id == "01016SACH"
    assert f"07001MOEL: is of a patient who is not in '{OLD[0]}'. Get the whole archive." in str(found[1])
    assert found[1].subject == "07001MOEL"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def check(monkeypatch, capsys) -> Callable[..., Done]:
    """Runs ``hbench data check`` with these arguments."""

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["hbench", "data", "check", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        return Done(ended.value.code or 0, shown.out, shown.err)

    return call


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_path_that_does_not_exist(dataset, check, tmp_path, options):
    """Of a phantom it was said not to be generated yet."""
    dataset("mini", "ixi", phantom=True)
    (tmp_path / "x.txt").touch()
    for path, said in (("nowhere", "does not exist"), ("x.txt", "is neither a folder nor a tar or zip file")):
        done = check("mini", tmp_path / path, *options)
        assert done.returncode == 2
        remedy = "Name the folder with the archive, or its packed file"
        if options:
            assert done.stderr == ""
            report = json.loads(done.stdout)
            assert report["subjects"] == {}
            assert report["faults"] == [
                {"thing": str(tmp_path / path), "fault": said, "remedy": remedy, "subject": None},
            ]
        else:
            assert done.stdout == ""
            assert done.stderr == f"error: {tmp_path / path}: {said}. {remedy}.\n"


def test_json_where_no_archive_was_put(dataset, check):
    root = dataset("mini", "msseg")
    done = check("mini", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    report = json.loads(done.stdout)
    [fault] = report["faults"]
    assert fault["thing"] == str(root)
    assert fault["fault"].startswith("is absent")
    assert report["warnings"] == []


def test_json_of_an_archive_elsewhere(dataset, check, tmp_path_factory):
    dataset("mini", "ixi")
    names = [*NAMES, "IXI013-HH-1212-T1", "IXI036-IOP-0874-T1"]
    elsewhere = ixi(tmp_path_factory.mktemp("elsewhere"), names)
    done = check("mini", elsewhere, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["path"] == str(elsewhere)
    (elsewhere / "IXI-T1" / f"{NAMES[0]}.nii.gz").write_bytes(b"nothing")
    done = check("mini", elsewhere, "--json")
    assert (done.returncode, done.stderr) == (2, "")
    assert len(json.loads(done.stdout)["faults"]) == 1


def test_what_the_paper_prints_stands_beside_no_phantom(dataset):
    domains = {"GE": {"title": "GE", "published_subjects": 74}, "PL": {"title": "PL"}}
    for phantom in (False, True):
        ixi(dataset("mini", "ixi", domains=domains, phantom=phantom), NAMES)
        table = CliRunner().invoke(app, ["data", "check", "mini"])
        report = json.loads(CliRunner().invoke(app, ["data", "check", "mini", "--json"]).stdout)
        assert ("published" in table.stdout) is not phantom
        assert ("74" in table.stdout) is not phantom
        assert ("published_subjects" in report["domains"]["GE"]) is not phantom

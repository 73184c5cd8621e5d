"""Archives that lie a folder too far in or out, in another's place, or under another name: one message, which helps."""

import bz2
import gzip
import json
import lzma
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from archives import ixi, msseg_patient
from test_packed import NAMES, OLD, tar_flat, unpacked_old_msseg, unpacked_retouch, zip_flat, zip_folder
from typer.testing import CliRunner

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


def test_a_centre_of_the_testing_archive_is_told_once(tmp_path):
    for patient in ("01", "02", "03"):
        msseg_patient(tmp_path, "03", patient)
    assert len(faults("msseg", shanoir(tmp_path))) == 1


@pytest.mark.parametrize(
    ("name", "compress", "remedy"),
    [
        ("IXI-T1.tar.gz", gzip.compress, "Uncompress it: gunzip IXI-T1.tar.gz."),
        ("IXI-T1.tar.xz", lzma.compress, "Uncompress it: unxz IXI-T1.tar.xz."),
        ("IXI-T1.tar.bz2", bz2.compress, "Uncompress it: bunzip2 IXI-T1.tar.bz2."),
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
    assert fault == (f"{tmp_path}/{OLD[1]}: does not exist. Put all of '{OLD[1]}' here, packed or unpacked.")


def test_missing_images_of_all_patients(tmp_path):
    shutil.rmtree(unpacked_old_msseg(tmp_path) / OLD[0])
    assert faults("msseg", tmp_path) == [
        f"{tmp_path}/{OLD[0]}: does not exist. Put all of '{OLD[0]}' here, packed or unpacked."
    ]


def check(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmark", "data", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_path_that_does_not_exist(dataset, tmp_path, options):
    """Of a phantom it was said not to be generated yet."""
    dataset("mini", "ixi", phantom=True)
    (tmp_path / "x.txt").touch()
    for path, said in (("nowhere", "does not exist"), ("x.txt", "is neither a folder nor a tar or zip file")):
        done = check("mini", tmp_path / path, *options)
        assert (done.returncode, done.stdout) == (2, "")
        remedy = "Name the folder with the archive, or its packed file"
        assert done.stderr == f"error: {tmp_path / path}: {said}. {remedy}.\n"


def test_json_of_an_archive_elsewhere(dataset, tmp_path_factory):
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

"""A fault of all subjects of a scanner is reported once, without the absence of subjects that follows from it."""

import json
import shutil
from pathlib import Path

import pytest
from faults import build, removed
from test_packed import zip_folder
from typer.testing import CliRunner

from benchmark.cli.app import app

CIRRUS = "RETOUCH-TrainingSet-Cirrus"


def faults(root: Path) -> list[tuple[str, str]]:
    found = CliRunner().invoke(app, ["data", "check", "mini", "--json", str(root)], catch_exceptions=False)
    return [(Path(fault["thing"]).name, fault["fault"]) for fault in json.loads(found.stdout)["faults"]]


def beside(root: Path) -> None:
    zip_folder(root / CIRRUS, root / f"{CIRRUS}.zip")


def further_in(root: Path) -> None:
    (root / "around").mkdir()
    shutil.move(root / CIRRUS, root / "around/inner")
    zip_folder(root / "around", root / f"{CIRRUS}.zip")
    shutil.rmtree(root / "around")


def damaged(root: Path) -> None:
    for header in (root / CIRRUS).glob("*/oct.mhd"):
        header.write_text("nonsense")


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("retouch", beside, [(CIRRUS, f"lies beside {CIRRUS}.zip, which holds it too")]),
        ("retouch", further_in, [(f"{CIRRUS}.zip", "holds the archive in a subfolder, 'around/inner'")]),
        ("retouch", removed(CIRRUS), [(CIRRUS, "does not exist")]),
        ("retouch", damaged, [("oct.mhd", "is no readable MetaImage header (it has no 'ElementSpacing')")] * 3),
        ("oasis_ixi", removed("oasis"), [("oasis", "does not exist")]),
        ("msseg", lambda r: [removed(f"Training/Center_07/{p.name}")(r) for p in (r / "Training/Center_07").iterdir()],
         [("Center_07", "is empty")]),
        ("msseg", removed("Training/Center_07"), [("mini", "holds no subject of SA")]),
    ],
)  # fmt: skip
def test_one_fault_of_a_scanner(dataset, name, make, said):
    build(name, root := dataset("mini", name))
    make(root)
    assert faults(root) == said


def test_a_scanner_whose_subjects_are_all_excluded_is_told_beside_faults_of_another(dataset):
    excluded = [f"TRAIN{number:03d}" for number in (1, 2, 3)]
    build("retouch", root := dataset("mini", "retouch", exclude=excluded))
    removed("RETOUCH-TrainingSet-Spectralis/TRAIN025/oct.mhd")(root)
    assert faults(root) == [("oct.mhd", "is missing"), ("mini", "holds no subject of CR")]

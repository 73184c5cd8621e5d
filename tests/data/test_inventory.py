"""The inventory of an archive, its splits, and subjects that may not be there."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from archives import damage, ixi, msseg_patient, noise, truncate, verified
from small_datasets import inventoried

from benchmark.archives.inventory import split_subjects, subjects, take_inventory
from benchmark.data.splits import read_fold
from benchmark.runtime import paths
from benchmark.runtime.code_digest import ROOT
from benchmark.runtime.errors import DataError

SIX = [f"IXI10{n}-IOP-000{n}-T1" for n in range(3)] + [f"IXI20{n}-HH-000{n}-T1" for n in range(3)]


def test_subjects_of_the_archive_are_listed_from_headers_alone(dataset):
    root = dataset("mini", "ixi")
    for number, name in enumerate(SIX):
        ixi(root, [name], noise((20, 20, 20), number))
        damage(root / f"IXI-T1/{name}.nii.gz")
    inventoried("mini")
    found = json.loads(paths.inventory("mini").read_text())["subjects"]["IXI101"]
    assert re.fullmatch("[0-9a-f]{64}", found.pop("content"))
    assert found == {
        "domain": "GE",
        "shape": [20, 20, 20],
        "spacing": [2.0, 2.0, 2.0],
        "has_labels": False,
        "has_mask": False,
        "truth": [],
        "wanted_truth": [],
    }
    assert subjects("mini") == ["IXI100", "IXI101", "IXI102", "IXI200", "IXI201", "IXI202"]


def test_splits_are_by_subject_and_complete(dataset):
    ixi(dataset("mini", "ixi"), SIX)
    inventoried("mini")
    fold = read_fold(paths.splits("mini", "GE-PL"), 0)
    assert sorted(fold.train_source + fold.test_source) == ["IXI100", "IXI101", "IXI102"]
    assert sorted(fold.train_target + fold.test_target) == ["IXI200", "IXI201", "IXI202"]
    assert fold.test_source
    assert fold.test_target


def test_leave_one_out_has_every_pair_and_shares_the_division_of_a_scanner(dataset):
    root = dataset("mini", "msseg")
    for centre in ("01", "07", "08"):
        for patient in ("01", "02"):
            msseg_patient(root, centre, patient)
    inventoried("mini")
    folds = {p: [read_fold(paths.splits("mini", p), k) for k in (0, 1)] for p in ("SA-SV", "SA-PI", "SV-PI")}
    assert [f.test_source for f in folds["SA-SV"]] == [("C07P01",), ("C07P02",)]
    assert [f.test_target for f in folds["SA-PI"]] == [("C08P01",), ("C08P02",)]
    assert [f.test_target for f in folds["SA-SV"]] == [f.test_source for f in folds["SV-PI"]]


def test_cross_validation_tests_every_subject_once(dataset):
    split = {"protocol": "cross_validation", "folds": 2}
    ixi(dataset("mini", "ixi", split=split), SIX)
    inventoried("mini")
    folds = [read_fold(paths.splits("mini", "GE-PL"), k) for k in (0, 1)]
    tested = [set(fold.test_source) for fold in folds]
    assert sorted(map(len, tested)) == [1, 2]
    assert tested[0] | tested[1] == {"IXI100", "IXI101", "IXI102"}
    assert [set(fold.train_source) for fold in folds] == tested[::-1]
    assert {s for fold in folds for s in fold.test_target} == {"IXI200", "IXI201", "IXI202"}


def test_more_folds_than_subjects(dataset):
    ixi(dataset("mini", "ixi", split={"protocol": "cross_validation", "folds": 4}), SIX)
    assert "has 3 subjects, which cannot be divided into 4 folds" in refusal()


def test_excluded_subjects_are_left_out(dataset):
    ixi(dataset("mini", "ixi", exclude=["IXI101"]), SIX)
    inventoried("mini")
    assert "IXI101" not in subjects("mini")
    assert "IXI101" not in paths.splits("mini", "GE-PL").read_text()


def refusal() -> str:
    with pytest.raises(DataError) as caught:
        inventoried("mini")
    assert not paths.inventory("mini").exists()
    assert not paths.splits("mini", "GE-PL").exists()
    return str(caught.value)


def test_excluding_somebody_who_is_not_there(dataset):
    ixi(dataset("mini", "ixi", exclude=["IXI999"]), SIX)
    assert "excludes IXI999, and data/raw/mini holds no such subject. Correct 'exclude'" in refusal()


def test_a_subject_in_two_domains(dataset):
    ixi(dataset("mini", "ixi"), [*SIX, "IXI101-HH-0009-T1"])
    assert "holds subject IXI101 in two domains, PL and GE" in refusal()


def test_two_scans_of_one_subject(dataset):
    ixi(dataset("mini", "ixi"), [*SIX, "IXI101-IOP-0009-T1"])
    message = refusal()
    assert "holds subject IXI101 twice" in message
    assert "remove all but one" in message


def test_a_scanner_without_subjects(dataset):
    ixi(dataset("mini", "ixi"), SIX[:3])
    assert "holds no subject of PL" in refusal()


def test_too_few_subjects_for_the_protocol(dataset):
    ixi(dataset("mini", "ixi"), [SIX[0], *SIX[3:]])
    assert "has 1 subject, which cannot be divided" in refusal()


def test_two_subjects_of_one_image(dataset):
    root = ixi(dataset("mini", "ixi"), SIX)
    shutil.copy(root / f"IXI-T1/{SIX[0]}.nii.gz", root / f"IXI-T1/{SIX[4]}.nii.gz")
    assert "data/raw/mini: holds the same image for IXI100 and IXI201: data/raw/mini/IXI-T1/IXI100-" in refusal()
    dataset("mini", "ixi", exclude=["IXI100"])
    inventoried("mini")


def test_an_archive_that_changed_after_it_was_verified(dataset):
    root = ixi(dataset("mini", "ixi"), SIX)
    verified("mini")
    truncate(root / f"IXI-T1/{SIX[0]}.nii.gz")
    with pytest.raises(DataError, match=r"data/raw/mini: holds \d+ bytes, and held \d+ when .* Delete .*manifest.json"):
        take_inventory("mini")
    (root / f"IXI-T1/{SIX[0]}.nii.gz").unlink()
    with pytest.raises(DataError, match=rf"{SIX[0]}.nii.gz: is gone since the archive was verified"):
        take_inventory("mini")


@pytest.mark.parametrize(("text", "said"), [(None, "is missing"), ("{", "is damaged"), ('{"files": 3}', "is damaged")])
def test_a_manifest_that_cannot_be_read(dataset, text, said):
    ixi(dataset("mini", "ixi"), SIX)
    if text:
        paths.manifest("mini").parent.mkdir(parents=True)
        paths.manifest("mini").write_text(text)
    with pytest.raises(DataError, match=f"manifest.json: {said}"):
        take_inventory("mini")


def test_damaged_or_missing_inventory(dataset):
    dataset("mini", "ixi")
    with pytest.raises(DataError, match=r"inventory.json: is missing"):
        subjects("mini")
    paths.inventory("mini").parent.mkdir(parents=True, exist_ok=True)
    paths.inventory("mini").write_text("{")
    with pytest.raises(DataError, match=r"inventory.json: is damaged"):
        subjects("mini")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"a": {}}, "is damaged"),
        (["a"], "is damaged"),
    ],
)
def test_a_forged_inventory(dataset, entries, said):
    dataset("mini", "ixi")
    paths.inventory("mini").parent.mkdir(parents=True)
    paths.inventory("mini").write_text(json.dumps({"subjects": entries}))
    with pytest.raises(DataError, match=f"inventory.json: {said}.* Delete it and run snakemake with the target"):
        split_subjects("mini", "GE-PL")


def test_asking_for_subjects_imports_nothing_heavy():
    code = (
        "import sys, benchmark.archives.inventory; print({'torch', 'SimpleITK', 'dipy', 'nilearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

"""The table of pseudonyms: who has which number, and what a lost or damaged table, or a former name, leads to."""

import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable

import pytest
from archives import retouch_volume, verified
from named_patients import PATIENTS, patient, prepared
from small_datasets import inventoried

from benchmark.archives.inventory import split_subjects, subjects, take_inventory
from benchmark.archives.privacy.pseudonyms import known_pseudonyms, public_names
from benchmark.config.load import load_dataset
from benchmark.preparation.prepare import prepare_subject
from benchmark.runtime import paths
from benchmark.runtime.code_digest import ROOT
from benchmark.runtime.errors import DataError


def test_another_key_gives_another_order(dataset):
    root = dataset("mini", "retouch", pseudonyms=True)
    for number in range(1, 31):
        retouch_volume(root, "Cirrus" if number < 25 else "Spectralis", number)
    inventoried("mini")
    first = known_pseudonyms(load_dataset("mini"))
    paths.private("mini").unlink()
    inventoried("mini")  # nothing was prepared yet
    assert known_pseudonyms(load_dataset("mini")) != first


def test_the_table_is_readable_by_its_owner_alone_and_ignored_by_git_and_dvc(msseg):
    msseg(pseudonyms=True)
    inventoried("mini")
    for path in (paths.private("mini"), paths.private_manifest("mini")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.PRIVATE.stat().st_mode) == 0o700
    for program in (["git"], [sys.executable, "-m", "dvc"]):
        subprocess.run([*program, "check-ignore", "--quiet", str(paths.private("mini"))], cwd=ROOT, check=True)


def test_numbers_stay_when_a_subject_joins_or_leaves(msseg):
    root = msseg(pseudonyms=True)
    inventoried("mini")
    before = known_pseudonyms(load_dataset("mini"))
    for name in ("01005NEWA", "07099NEWB", "08050NEWC"):
        patient(root, name)
    msseg(pseudonyms=True, split={"protocol": "leave_one_out", "folds": 3})
    inventoried("mini")
    joined = known_pseudonyms(load_dataset("mini"))
    assert {own: joined[own] for own in before} == before
    assert sorted(joined.values()) == [f"S{n:04d}" for n in range(1, 10)]
    msseg(pseudonyms=True, exclude=["01005NEWA", "07099NEWB", "08050NEWC"])
    inventoried("mini")
    assert known_pseudonyms(load_dataset("mini")) == joined
    assert subjects("mini") == sorted(before.values())


def test_an_id_of_the_archive_is_never_somebody_elses_pseudonym(dataset):
    dataset("mini", "msseg", pseudonyms=True)
    assert sorted(public_names(load_dataset("mini"), ["S0001", "S0003"]).values()) == ["S0002", "S0004"]


def refusal(work: Callable[[], None]) -> str:
    with pytest.raises(DataError) as caught:
        work()
    return str(caught.value)


def test_a_lost_table_is_reported_and_no_subject_is_numbered_anew(msseg):
    msseg(pseudonyms=True)
    found = prepared()
    paths.private("mini").unlink()
    for work in (
        lambda: take_inventory("mini"),
        lambda: split_subjects("mini", "SA-SV"),
        lambda: prepare_subject("mini", found[0]),
    ):
        said = refusal(work)
        assert said.startswith("data/private/mini.json: is missing, so that pseudonyms cannot be resolved. ")
        assert "Restore it from a backup" in said
    assert not paths.private("mini").exists()


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("^.*$", "", "damaged"),
        ("^.*$", "{}", "damaged"),
        ("^.*$", "[]", "damaged"),
        ('"key": "[0-9a-f]+"', '"key": ""', "damaged"),
        ('"mini"', '"other"', "of another dataset"),
    ],
)
def test_a_damaged_table_is_told(msseg, before, after, fault):
    msseg(pseudonyms=True)
    inventoried("mini")
    path = paths.private("mini")
    path.write_text(re.sub(before, after, path.read_text(), flags=re.DOTALL))
    assert refusal(lambda: take_inventory("mini")).startswith(f"data/private/mini.json: is {fault}. Restore it")


def test_somebody_whom_the_table_does_not_know(msseg):
    msseg(pseudonyms=True)
    inventoried("mini")
    assert "data/private/mini.json: lacks S0099" in refusal(lambda: prepare_subject("mini", "S0099"))


def test_what_was_prepared_under_own_ids_must_go_before_pseudonyms_come(msseg):
    msseg()
    prepared()
    msseg(pseudonyms=True)
    verified("mini")
    said = refusal(lambda: take_inventory("mini"))
    assert said.startswith("data/prepared/mini/subjects: holds files of mini with the archive's own ids in their names")
    assert not [name for name in PATIENTS if name in said]
    shutil.rmtree(paths.PREPARED / "mini")
    log = paths.LOGS / f"demo/prepare/mini-{PATIENTS[0]}.log"
    log.parent.mkdir(parents=True)
    log.touch()
    assert refusal(lambda: inventoried("mini")).startswith("logs/demo/prepare: holds files of mini")
    log.unlink()
    sheet = paths.quality("mini") / f"sheets/{PATIENTS[0]}.webp"
    sheet.parent.mkdir(parents=True)
    sheet.touch()
    said = refusal(lambda: inventoried("mini"))
    assert said.startswith("reports/quality/mini/sheets: holds files of mini")
    assert "Delete data/prepared/mini, reports/quality/mini, and what" in said
    shutil.rmtree(paths.quality("mini"))
    inventoried("mini")

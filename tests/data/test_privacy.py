"""Nothing of an archive but its subjects' ids leaves it, and with pseudonyms not even those."""

import gzip
import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from archives import brain, retouch_volume, save, truncate, verified
from small_datasets import MRI, inventoried

from benchmark import layout
from benchmark.cli import told
from benchmark.config.load import load_dataset
from benchmark.data import prepare
from benchmark.data.check import check_archive
from benchmark.data.inventory import split_subjects, subjects, take_inventory
from benchmark.data.prepare import collect, prepare_subject
from benchmark.data.pseudonyms import names_given, names_of
from benchmark.data.slices import SliceStore
from benchmark.data.splits import Fold, read_fold
from benchmark.dependencies import ROOT
from benchmark.errors import DataError

# The older layout of MS-SEG: centre, number, and four letters of the patient's name.
PATIENTS = ["01011QUXA", "01029WEJO", "07003ZORI", "07014HYKE", "08002VAFU", "08031PIGO"]
PERSON, AGE, OWNER = "Quxley^Abigail", "057Y", "Roberta Milestone"
IMAGES = "Pre-processed training dataset/TrainingDataset_MSSEG"
LABELS = "Unprocessed training dataset/TrainingDataset_MSSEG"
FLAIR = "FLAIR_preprocessed.nii.gz"
SETTINGS = {
    "preparation": {**MRI, "tissue": "none", "brain_extraction": "given", "register_to_mni": False},
    "split": {"protocol": "leave_one_out", "folds": 2},
}


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """As every project here, but in somebody's own folder."""
    home = tmp_path / OWNER
    home.mkdir()
    monkeypatch.chdir(home)
    layout.DATASET_CONFIG.mkdir(parents=True)
    return home


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


@pytest.fixture
def msseg(dataset) -> Callable[..., Path]:
    def write(**changes: object) -> Path:
        root = dataset("mini", "msseg", **{**SETTINGS, **changes})
        for name in PATIENTS:
            patient(root, name)
        return root

    return write


def prepared() -> list[str]:
    """Everything up to the slice store; the subjects as everything that follows knows them."""
    inventoried("mini")
    for subject in subjects("mini"):
        prepare_subject("mini", subject)
    collect("mini")
    return subjects("mini")


def written() -> Iterator[tuple[Path, bytes]]:
    """Every file outside the archive, the config and ``data/private``, and what packed ones hold."""
    for path in sorted(Path().rglob("*")):
        if path.is_file() and not {layout.RAW, layout.PRIVATE, layout.CONFIG} & set(path.parents):
            content = path.read_bytes()
            yield path, content
            if path.suffix == ".gz":
                yield path, gzip.decompress(content)


def mentions(*words: str) -> list[str]:
    """Where any of the words stands, in a file's name or its bytes."""
    return [
        f"{path}: {word}"
        for path, content in written()
        for word in words
        if word in str(path) or word.encode() in content or word.encode("utf-16-le") in content
    ]


def folds() -> dict[str, list[Fold]]:
    return {pair: [read_fold(layout.splits("mini", pair), k) for k in (0, 1)] for pair in load_dataset("mini").pairs}


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_only_ids_leave_the_archive_and_with_pseudonyms_not_even_those(msseg, project, capfd, pseudonyms):
    msseg(pseudonyms=pseudonyms)
    found = prepared()
    output = "".join(capfd.readouterr())
    layout.LOGS.mkdir()
    (layout.LOGS / "everything.log").write_text(output)
    assert len(list(written())) > 30
    assert mentions(PERSON, PERSON.split("^")[0], AGE, OWNER, str(project)) == []
    if pseudonyms:
        assert all(re.fullmatch(r"S\d{4}", name) for name in found)
        assert mentions(*PATIENTS, *(name[5:] for name in PATIENTS), "TrainingDataset") == []
    else:
        assert found == sorted(PATIENTS)


def test_pseudonyms_change_neither_folds_nor_images(msseg):
    root = msseg()
    prepared()
    plain, store = folds(), SliceStore(layout.slices("mini"))
    images = {name: np.array(store.image(name)) for name in PATIENTS}
    shutil.rmtree(layout.PREPARED)
    msseg(pseudonyms=True)
    prepared()
    own = {name: patient for patient, name in names_given(load_dataset("mini")).items()}
    assert sorted(own.values()) == PATIENTS
    again = {pair: [fold.renamed(own) for fold in found] for pair, found in folds().items()}
    assert again == plain
    numbered = SliceStore(layout.slices("mini"))
    for name, patient_ in own.items():
        np.testing.assert_array_equal(numbered.image(name), images[patient_])
    assert root.is_dir()


def test_the_order_of_what_is_written_says_nothing_about_the_order_of_ids(dataset):
    """Thirty subjects, so that by chance it would agree once in 10^32 times."""
    root = dataset("mini", "retouch", pseudonyms=True)
    for number in range(1, 31):
        retouch_volume(root, "Cirrus", number)
    retouch_volume(root, "Spectralis", 31), retouch_volume(root, "Spectralis", 32)
    inventoried("mini")
    names = names_given(load_dataset("mini"))
    by_id = [names[own] for own in sorted(names)]
    listed = list(json.loads(layout.inventory("mini").read_text())["subjects"])
    assert listed == sorted(by_id) != by_id
    fold = read_fold(layout.splits("mini", "CR-SP"), 0)
    assert all(list(part) == sorted(part) for part in vars(fold).values())
    assert list(names.values()) == sorted(by_id)  # nor does the table's


def test_another_key_gives_another_order(dataset):
    root = dataset("mini", "retouch", pseudonyms=True)
    for number in range(1, 31):
        retouch_volume(root, "Cirrus" if number < 30 else "Spectralis", number)
    retouch_volume(root, "Spectralis", 31)
    inventoried("mini")
    first = names_given(load_dataset("mini"))
    layout.private("mini").unlink()
    inventoried("mini")  # nothing was prepared yet
    assert names_given(load_dataset("mini")) != first


def test_the_table_is_readable_by_its_owner_alone_and_ignored_by_git_and_dvc(msseg):
    msseg(pseudonyms=True)
    inventoried("mini")
    for path in (layout.private("mini"), layout.private_manifest("mini")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.PRIVATE.stat().st_mode) == 0o700
    for program in (["git"], [sys.executable, "-m", "dvc"]):
        subprocess.run([*program, "check-ignore", "--quiet", str(layout.private("mini"))], cwd=ROOT, check=True)


def test_numbers_stay_when_a_subject_joins_or_leaves(msseg):
    root = msseg(pseudonyms=True)
    inventoried("mini")
    before = names_given(load_dataset("mini"))
    for name in ("01005NEWA", "07099NEWB", "08050NEWC"):
        patient(root, name)
    msseg(pseudonyms=True, split={"protocol": "leave_one_out", "folds": 3})
    inventoried("mini")
    joined = names_given(load_dataset("mini"))
    assert {own: joined[own] for own in before} == before
    assert sorted(joined.values()) == [f"S{n:04d}" for n in range(1, 10)]
    msseg(pseudonyms=True, exclude=["01005NEWA", "07099NEWB", "08050NEWC"])
    inventoried("mini")
    assert names_given(load_dataset("mini")) == joined
    assert subjects("mini") == sorted(before.values())


def test_an_id_of_the_archive_is_never_somebody_elses_pseudonym(dataset):
    dataset("mini", "msseg", pseudonyms=True)
    assert sorted(names_of(load_dataset("mini"), ["S0001", "S0003"]).values()) == ["S0002", "S0004"]


def refusal(work: Callable[[], None]) -> str:
    with pytest.raises(DataError) as caught:
        work()
    return str(caught.value)


def test_a_lost_table_is_told_and_nobody_is_numbered_anew(msseg):
    msseg(pseudonyms=True)
    found = prepared()
    layout.private("mini").unlink()
    for work in (
        lambda: take_inventory("mini"),
        lambda: split_subjects("mini", "SA-SV"),
        lambda: prepare_subject("mini", found[0]),
    ):
        said = refusal(work)
        assert said.startswith("data/private/mini.json: is missing, so that nobody can tell whose number is whose. ")
        assert "Restore it from a backup" in said
    assert not layout.private("mini").exists()


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("^.*$", "", "damaged"),
        ("^.*$", "{}", "damaged"),
        ("^.*$", "[]", "damaged"),
        ('"key": "[0-9a-f]+"', '"key": ""', "damaged"),
        ("S0002", "S0001", "damaged"),
        ('"mini"', '"other"', "of another dataset"),
    ],
)
def test_a_damaged_table_is_told(msseg, before, after, fault):
    msseg(pseudonyms=True)
    inventoried("mini")
    path = layout.private("mini")
    path.write_text(re.sub(before, after, path.read_text(), flags=re.DOTALL))
    assert refusal(lambda: take_inventory("mini")).startswith(f"data/private/mini.json: is {fault}. Restore it")


def test_somebody_whom_the_table_does_not_know(msseg):
    msseg(pseudonyms=True)
    inventoried("mini")
    assert "data/private/mini.json: knows no S0099" in refusal(lambda: prepare_subject("mini", "S0099"))


def test_what_was_prepared_under_own_ids_must_go_before_pseudonyms_come(msseg):
    msseg()
    prepared()
    msseg(pseudonyms=True)
    verified("mini")
    said = refusal(lambda: take_inventory("mini"))
    assert said.startswith("data/prepared/mini/subjects: holds files of mini with the archive's own ids in their names")
    assert not [name for name in PATIENTS if name in said]
    shutil.rmtree(layout.PREPARED / "mini")
    log = layout.LOGS / f"demo/prepare/mini-{PATIENTS[0]}.log"
    log.parent.mkdir(parents=True)
    log.touch()
    assert refusal(lambda: inventoried("mini")).startswith("logs/demo/prepare: holds files of mini")
    log.unlink()
    inventoried("mini")


def nan(root: Path) -> None:
    path = root / IMAGES / PATIENTS[2] / FLAIR
    data = nib.load(path).get_fdata(dtype=np.float32)
    data[3, 3, 3] = np.nan
    save(path, data, nib.load(path).affine)


def truncated(root: Path) -> None:
    truncate(root / IMAGES / PATIENTS[2] / FLAIR)


def odd_label(root: Path) -> None:
    path = root / LABELS / PATIENTS[2] / "Consensus.nii.gz"
    image = nib.load(path)
    save(path, np.asarray(image.dataobj) * np.uint8(7), image.affine)


def empty_mask(root: Path) -> None:
    path = root / IMAGES / PATIENTS[2] / "Mask_registered.nii.gz"
    image = nib.load(path)
    save(path, np.asarray(image.dataobj) * np.uint8(0), image.affine)


def labels_elsewhere(root: Path) -> None:
    path = root / LABELS / PATIENTS[2] / "Consensus.nii.gz"
    image = nib.load(path)
    shifted = image.affine.copy()
    shifted[0, 3] += 3
    save(path, np.asarray(image.dataobj), shifted)


def labels_of_another_shape(root: Path) -> None:
    path = root / LABELS / PATIENTS[2] / "Consensus.nii.gz"
    save(path, np.asarray(nib.load(path).dataobj)[:-1], nib.load(path).affine)


def no_header(root: Path) -> None:
    (root / IMAGES / PATIENTS[2] / FLAIR).write_bytes(b"no image")


def missing(root: Path) -> None:
    (root / LABELS / PATIENTS[2] / "Consensus.nii.gz").unlink()


def logged(capfd: pytest.CaptureFixture[str], work: Callable[[], None]) -> str:
    """What a rule's log holds of work that fails."""
    capfd.readouterr()
    with pytest.raises(SystemExit), told():
        work()
    return "".join(capfd.readouterr())


IN_HEADERS = [
    (labels_elsewhere, "lies 3 mm away from …"),
    (labels_of_another_shape, "voxels, and … has"),
    (no_header, "is no readable NIfTI file"),
    (missing, "is missing"),
]
IN_VOXELS = [
    (nan, "has 1 voxels that are NaN or infinite"),
    (truncated, "is damaged or truncated"),
    (odd_label, "holds the labels 7"),
    (empty_mask, "covers nothing"),
]


@pytest.mark.parametrize(("damage", "fault"), [*IN_HEADERS, *IN_VOXELS])
def test_a_fault_in_a_log_names_the_pseudonym_and_where_to_look(msseg, project, capfd, damage, fault):
    root = msseg(pseudonyms=True)
    inventoried("mini")
    damage(root)
    if (damage, fault) in IN_HEADERS:
        said = logged(capfd, lambda: inventoried("mini"))
    else:
        inventoried("mini")
        said = logged(capfd, lambda: prepare_subject("mini", names_given(load_dataset("mini"))[PATIENTS[2]]))
    name = names_given(load_dataset("mini"))[PATIENTS[2]]
    assert said.startswith(f"error: mini, subject {name}: ")
    assert fault in said
    assert said.endswith("data/private/mini.json tells whose file it is.\n")
    assert not [word for word in (*PATIENTS, "TrainingDataset", PERSON, str(project)) if word in said]


def test_the_check_of_an_archive_names_the_file_still(msseg):
    root = msseg(pseudonyms=True)
    nan(root)
    [fault] = check_archive(load_dataset("mini"), root, voxels=True).survey.faults
    assert fault.thing == str(root / IMAGES / PATIENTS[2] / FLAIR)
    assert fault.subject == PATIENTS[2]


def test_a_changed_archive_is_told_without_its_names(msseg, capfd):
    root = msseg(pseudonyms=True)
    verified("mini")
    missing(root)
    said = logged(capfd, lambda: take_inventory("mini"))
    assert said.startswith("error: mini, its archive: is gone since the archive was verified. ")
    assert "hbench data check mini" in said
    assert not [word for word in (*PATIENTS, "TrainingDataset") if word in said]


def test_faults_that_name_several_subjects_name_pseudonyms(msseg, capfd):
    root = msseg(pseudonyms=True, exclude=["01999GONE"])
    shutil.copy(root / IMAGES / PATIENTS[0] / FLAIR, root / IMAGES / PATIENTS[1] / FLAIR)
    said = logged(capfd, lambda: inventoried("mini"))
    names = names_given(load_dataset("mini"))
    assert "excludes …, and data/raw/mini holds no such subject (and 1 more faults)" in said
    msseg(pseudonyms=True)
    shutil.copy(root / IMAGES / PATIENTS[0] / FLAIR, root / IMAGES / PATIENTS[1] / FLAIR)
    said += logged(capfd, lambda: inventoried("mini"))
    assert f"holds the same image for {names[PATIENTS[0]]} and {names[PATIENTS[1]]}" in said
    assert not [word for word in (*PATIENTS, "01999GONE") if word in said]


def test_a_bug_keeps_its_place_and_loses_its_message(msseg, monkeypatch, capfd):
    msseg(pseudonyms=True)
    inventoried("mini")
    own = PATIENTS[0]

    def broken(*_: object) -> None:
        raise ValueError(f"what about {own}")

    monkeypatch.setattr(prepare, "truth_targets", broken)
    with pytest.raises(RuntimeError, match=r"^ValueError, whose message is left out") as caught:
        prepare_subject("mini", names_given(load_dataset("mini"))[own])
    assert caught.value.__suppress_context__
    assert [frame.name for frame in caught.traceback][-1] == "broken"


def test_a_file_that_may_not_be_read(msseg, monkeypatch, capfd):
    """The system's own errors carry the path."""
    msseg(pseudonyms=True)
    inventoried("mini")

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied", f"data/raw/mini/{IMAGES}/{PATIENTS[0]}/{FLAIR}")

    monkeypatch.setattr(prepare, "truth_targets", refused)
    said = logged(capfd, lambda: prepare_subject("mini", "S0001"))
    assert said == "error: mini, its archive: access is denied. Correct the permissions.\n"

"""Nothing of an archive but its subjects' ids leaves it, and with pseudonyms not even those."""

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from archives import retouch_volume, save, truncate, verified
from copied_project import call, copied_project
from named_patients import AGE, FLAIR, IMAGES, LABELS, PATIENTS, PERSON, patient, prepared
from small_datasets import inventoried

from benchmark.archives.inventory import take_inventory
from benchmark.archives.manifest import Tree
from benchmark.archives.privacy.pseudonyms import known_pseudonyms
from benchmark.archives.privacy.redaction import redacted
from benchmark.archives.report import check_archive
from benchmark.cli import reported_errors
from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore
from benchmark.data.splits import Fold, read_fold
from benchmark.preparation import prepare
from benchmark.preparation.prepare import prepare_subject
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError

OWNER = "Roberta Milestone"


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """As every project here, but in somebody's own folder."""
    home = tmp_path / OWNER
    home.mkdir()
    monkeypatch.chdir(home)
    paths.DATASET_CONFIG.mkdir(parents=True)
    return home


def written() -> Iterator[tuple[Path, bytes]]:
    """Every file outside the archive, the config and ``data/private``, and what packed ones hold."""
    for path in sorted(Path().rglob("*")):
        if path.is_file() and not {paths.RAW, paths.PRIVATE, paths.CONFIG} & set(path.parents):
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
    return {pair: [read_fold(paths.splits("mini", pair), k) for k in (0, 1)] for pair in load_dataset("mini").pairs}


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_only_ids_leave_the_archive_and_with_pseudonyms_not_even_those(msseg, project, capfd, pseudonyms):
    msseg(pseudonyms=pseudonyms)
    found = prepared()
    output = "".join(capfd.readouterr())
    paths.LOGS.mkdir()
    (paths.LOGS / "everything.log").write_text(output)
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
    plain, store = folds(), SliceStore(paths.slices("mini"))
    images = {name: np.array(store.image(name)) for name in PATIENTS}
    shutil.rmtree(paths.PREPARED)
    msseg(pseudonyms=True)
    prepared()
    own = {name: patient for patient, name in known_pseudonyms(load_dataset("mini")).items()}
    assert sorted(own.values()) == PATIENTS
    again = {pair: [fold.renamed(own) for fold in found] for pair, found in folds().items()}
    assert again == plain
    numbered = SliceStore(paths.slices("mini"))
    for name, patient_ in own.items():
        np.testing.assert_array_equal(numbered.image(name), images[patient_])
    assert root.is_dir()


def test_the_order_of_what_is_written_says_nothing_about_the_order_of_ids(dataset):
    """Thirty subjects, so that by chance it would agree once in 10^32 times."""
    root = dataset("mini", "retouch", pseudonyms=True)
    for number in range(1, 31):
        retouch_volume(root, "Cirrus" if number < 25 else "Spectralis", number)
    inventoried("mini")
    names = known_pseudonyms(load_dataset("mini"))
    by_id = [names[own] for own in sorted(names)]
    listed = list(json.loads(paths.inventory("mini").read_text())["subjects"])
    assert listed == sorted(by_id) != by_id
    fold = read_fold(paths.splits("mini", "CR-SP"), 0)
    assert all(list(part) == sorted(part) for part in vars(fold).values())
    assert list(names.values()) == sorted(by_id)  # nor does the table's


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
    with pytest.raises(SystemExit), reported_errors():
        work()
    return "".join(capfd.readouterr())


IN_HEADERS = [
    (labels_elsewhere, "lies 0.6 voxels away from …"),
    (labels_of_another_shape, "voxels, and … has"),
    (no_header, "is no readable NIfTI file"),
    (missing, "is missing"),
    (truncated, "is damaged or truncated"),
]
IN_VOXELS = [
    (nan, "is NaN or infinite in 1 voxel"),
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
        said = logged(capfd, lambda: prepare_subject("mini", known_pseudonyms(load_dataset("mini"))[PATIENTS[2]]))
    name = known_pseudonyms(load_dataset("mini"))[PATIENTS[2]]
    assert said.startswith(f"error: mini, subject {name}: ")
    assert fault in said
    assert said.endswith("data/private/mini.json resolves the pseudonym.\n")
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
    names = known_pseudonyms(load_dataset("mini"))
    assert "excludes …, and data/raw/mini holds no such subject (and 1 more fault)" in said
    msseg(pseudonyms=True)
    shutil.copy(root / IMAGES / PATIENTS[0] / FLAIR, root / IMAGES / PATIENTS[1] / FLAIR)
    said += logged(capfd, lambda: inventoried("mini"))
    assert f"holds the same image for {names[PATIENTS[0]]} and {names[PATIENTS[1]]}" in said
    assert not [word for word in (*PATIENTS, "01999GONE") if word in said]


@pytest.mark.parametrize(
    ("fault", "told_as"),
    [
        (
            "is damaged (Bad CRC-32 for file 'Training/Center_07/Patient_02/a.nii.gz')",
            "is damaged (Bad CRC-32 for file …)",
        ),
        ("the owner's names 'a/b' and b\"a/b\" differ", "the owner's names … and … differ"),
        ("[Errno 13] Permission denied: 'data/raw/mini/Center 07/a'", "[Errno 13] Permission denied: …"),
        ("has 5 voxels, and data/raw/mini/Center 07/a.nii.gz has 6", "has 5 voxels, and … has 6"),
        ("has no 'labels', see data/raw/mini/Patient 02: no more", "has no 'labels', see …: no more"),
    ],
)
def test_files_that_the_words_of_a_fault_name(dataset, fault, told_as):
    dataset("mini", "msseg", pseudonyms=True)
    with pytest.raises(DataError) as caught, redacted(load_dataset("mini")):
        raise DataError("data/raw/mini/MSSEG-Training.zip/Training/Center_07/Patient_02/a.nii.gz", fault, "Look")
    assert str(caught.value) == f"mini, its archive: {told_as}. Look. To see which file: hbench data check mini."


def test_a_bug_keeps_its_place_and_loses_its_message(msseg, monkeypatch, capfd):
    msseg(pseudonyms=True)
    inventoried("mini")
    own = PATIENTS[0]

    def broken(*_: object) -> None:
        raise ValueError(f"what about {own}")

    monkeypatch.setattr(prepare, "truth_targets", broken)
    with pytest.raises(RuntimeError, match=r"^ValueError, whose message is left out") as caught:
        prepare_subject("mini", known_pseudonyms(load_dataset("mini"))[own])
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


BENCHMARK = """
benchmark: private
title: A dataset whose ids are names
datasets: {mini: {pairs: [SA-SV]}}
methods: {identity: {}, histogram_matching: {}}
proposed: histogram_matching
seeds: [0]
training: {schedule: {unit: steps, constant: 1, decay: 0}}
judges:
  autoencoder: {batch_size: 2, schedule: {unit: steps, constant: 1, decay: 0}}
  segmentor: {schedule: {unit: steps, constant: 1, decay: 0}}
metrics: {overlap: {}}
"""


@pytest.mark.snakemake
def test_snakemake_knows_no_id_either_and_the_option_reruns_all(msseg, tmp_path):
    """What its log and its records hold, in which excluded ids were a parameter."""
    root = msseg(pseudonyms=True, exclude=["01099GONE"])
    patient(root, "01099GONE")
    copy = copied_project(tmp_path / "copy")
    shutil.move(root, copy / root)
    shutil.copy(paths.DATASET_CONFIG / "mini.yaml", copy / paths.DATASET_CONFIG)
    stated = [{"md5": Tree.of(copy / root).md5, "path": "mini"}]
    (copy / paths.RAW / "mini.dvc").write_text(yaml.safe_dump({"outs": stated}))
    (copy / "config/private.yaml").write_text(BENCHMARK)
    ask = ["snakemake", "data/prepared/mini/splits/SA-SV.json", "--cores", "1", "--configfile", "config/private.yaml"]
    call(copy, *ask)
    made = [p for folder in ("data/prepared", "logs", ".snakemake") for p in (copy / folder).rglob("*") if p.is_file()]
    assert made
    for path in made:
        text = f"{path.name} {path.read_bytes()!r}"
        assert not [name for name in (*PATIENTS, "01099GONE") if name in text], path
    msseg(exclude=["01099GONE"])
    shutil.copy(paths.DATASET_CONFIG / "mini.yaml", copy / paths.DATASET_CONFIG)
    plan = call(copy, *ask, "--dry-run", "--quiet", "reason")
    assert {"fetch", "inventory", "split"} <= set(re.findall(r"^(\w+) +1$", plan, re.MULTILINE))

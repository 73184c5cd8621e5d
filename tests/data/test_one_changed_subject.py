"""After some subjects changed, Snakemake prepares these and no others again, as its messages advise."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import retouch_phantom
from copied_project import call, copied_project, prepared
from test_packed import VENDORS, zip_flat

from benchmark.data.slices import SliceStore
from benchmark.runtime import paths

pytestmark = pytest.mark.snakemake

BENCHMARK = """
benchmark: changed
title: An archive that changes
datasets: {mini: {}}
methods: {identity: {}}
proposed: identity
seeds: [0]
training: {schedule: {unit: steps, constant: 1, decay: 0}}
judges:
  autoencoder: {batch_size: 2, schedule: {unit: steps, constant: 1, decay: 0}}
  segmentor: {schedule: {unit: steps, constant: 1, decay: 0}}
metrics: {overlap: {}}
"""
ALL_SUBJECTS = {f"TRAIN{number:03d}" for number in (1, 2, 3, 25, 26)}


class Project:
    """A copy of the project with a small archive in it, which DVC tracks."""

    def __init__(self, copy: Path, archive: Path) -> None:
        self.root = copied_project(copy)
        self.raw = self.root / archive
        self.config = self.root / paths.DATASET_CONFIG / "mini.yaml"
        shutil.copy(paths.DATASET_CONFIG / "mini.yaml", self.config)
        shutil.move(archive, self.raw)
        (self.root / "config/changed.yaml").write_text(BENCHMARK)
        self.track()

    def track(self, *, voxels: bool = False, succeed: bool = True) -> None:
        looked_at = "--voxels" if voxels else "--headers"
        call(self.root, "python", "-m", "benchmark", "data", "track", "mini", looked_at, succeed=succeed)

    def run(self, *options: str, succeed: bool = True, expected: str = "") -> str:
        targets = ["data/prepared/mini/slices.h5", "data/prepared/mini/splits/CR-SP.json"]
        asked = [*targets, "--cores", "2", "--configfile", "config/changed.yaml", *options]
        output = call(self.root, "snakemake", *asked, succeed=succeed)
        assert expected in output
        return output

    def inventory(self) -> dict[str, dict]:
        return json.loads((self.root / paths.inventory("mini")).read_text())["subjects"]

    def folder(self, subject: str) -> Path:
        return self.root / paths.subject("mini", subject)

    def times(self) -> dict[str, int]:
        """When each subject was prepared."""
        records = self.folder("any").parent.glob("*/subject.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in records}

    def prepared_by(self, work: Callable[[], object]) -> set[str]:
        before = self.times()
        work()
        return {subject for subject, time in self.times().items() if time != before.get(subject)}

    def forget(self) -> None:
        """As when the folder is copied without hidden files."""
        shutil.rmtree(self.root / ".snakemake")

    def from_scratch(self) -> dict[str, bytes]:
        for folder in ("data/prepared", ".snakemake"):
            shutil.rmtree(self.root / folder)
        self.run()
        return prepared(self.root, "mini")


def test_subjects_whose_files_changed_and_no_others(dataset, tmp_path):
    root = dataset("mini", "retouch", phantom=True)
    retouch_phantom(root)
    project = Project(tmp_path / "copy", root)
    labels = [
        project.raw / f"RETOUCH-TrainingSet-{name}/reference.raw" for name in ("Cirrus/TRAIN002", "Spectralis/TRAIN025")
    ]
    right = labels[0].read_bytes()
    labels[0].write_bytes(right.replace(b"\x03", b"\x07"))
    project.track(succeed=False, voxels=True)
    project.track()
    told = project.run(succeed=False)
    assert "TRAIN002/reference.mhd: holds the labels 7, and the dataset's are 1, 2, 3. Put the label map" in told
    assert set(project.times()) == ALL_SUBJECTS - {"TRAIN002"}

    labels[0].write_bytes(right)
    labels[1].write_bytes(bytes(len(right)))  # goes unnoticed until the archive is verified again
    told = project.run(succeed=False)
    assert "was changed after the archive was verified. Delete data/prepared/mini/manifest.json and run" in told
    (project.root / paths.manifest("mini")).unlink()
    told = project.run(succeed=False)
    assert "to check and accept it as it is: hbench data track mini." in told
    project.track()
    assert project.prepared_by(project.run) == {"TRAIN002", "TRAIN025"}
    assert "Nothing to be done" in project.run()

    before = project.inventory()
    wanting = {subject for subject, entry in before.items() if entry["wanted_truth"]}
    excluded = min(wanting)
    project.config.write_text(project.config.read_text() + f"exclude: [{excluded}]\n")
    remade = project.prepared_by(project.run)
    after = project.inventory()
    assert set(after) == ALL_SUBJECTS - {excluded}
    assert remade == {s for s in after if after[s] != before[s]} != set()
    assert all(before[s]["wanted_truth"] != after[s]["wanted_truth"] for s in remade)
    assert project.folder(excluded).is_dir()
    assert "Nothing to be done" in project.run()

    left = {name: data for name, data in prepared(project.root, "mini").items() if excluded not in name}
    again = project.from_scratch()

    assert again == left


def test_of_a_packed_archive_too_and_with_pseudonyms(dataset, tmp_path):
    root = dataset("mini", "retouch", pseudonyms=True)
    retouch_phantom(tmp_path / "unpacked")
    root.mkdir(parents=True)

    def pack(folder: Path) -> None:
        for vendor, name in VENDORS.items():
            zip_flat(tmp_path / "unpacked" / vendor, folder / name)

    pack(root)
    project = Project(tmp_path / "copy", root)
    assert len(project.prepared_by(project.run)) == len(ALL_SUBJECTS)
    names = json.loads((project.root / paths.private("mini")).read_text())["pseudonyms"]
    raw = tmp_path / "unpacked/RETOUCH-TrainingSet-Cirrus/TRAIN003/oct.raw"
    raw.write_bytes(raw.read_bytes()[:-1] + b"\x07")
    pack(project.raw)
    project.track()
    assert project.prepared_by(project.run) == {names["TRAIN003"]}
    project.config.write_text(project.config.read_text() + "exclude: [TRAIN002]\n")
    assert project.prepared_by(project.run) == set()
    left = {n: data for n, data in prepared(project.root, "mini").items() if names["TRAIN002"] not in n}
    assert project.from_scratch() == left


def test_without_the_memory_of_snakemake(dataset, tmp_path):
    root = dataset("mini", "retouch", phantom=True)
    retouch_phantom(root)
    project = Project(tmp_path / "copy", root)
    project.run()
    before = project.inventory()
    project.forget()
    assert "Nothing to be done" in project.run()

    project.forget()
    excluded = min(subject for subject, entry in before.items() if entry["wanted_truth"])
    project.config.write_text(project.config.read_text() + f"exclude: [{excluded}]\n")
    told = "data/prepared/mini/inventory.json: was taken with other settings or of another archive; it is made again"
    times = project.times()
    project.run("--dry-run", expected=told)
    assert excluded in project.inventory()
    assert project.times() == times
    remade = project.prepared_by(lambda: project.run(expected=told))
    after = project.inventory()
    assert remade == {s for s in after if after[s] != before[s]} != set()
    assert excluded not in (project.root / paths.splits("mini", "CR-SP")).read_text()
    assert set(SliceStore(project.root / paths.slices("mini")).subjects) == set(after) == ALL_SUBJECTS - {excluded}

    project.forget()
    project.config.write_text(project.config.read_text().replace(f"exclude: [{excluded}]", "exclude: []"))
    os.utime(project.config, (0, 0))  # as copied from elsewhere
    os.utime(project.root / "data/raw/mini.dvc", (0, 0))
    for mode in ((), ("--dry-run",)):
        told = project.run(*mode, succeed=False)
        refusal = (
            "error: data/prepared/mini/inventory.json: was taken with other settings or of another archive, but is"
        )
        assert f"{refusal} newer than config/datasets/mini.yaml and data/raw/mini.dvc" in told
        assert "Traceback" not in told
    remedy = re.search(r"might be kept\. (touch .*)\.$", told, re.MULTILINE)[1]
    call(project.root, *remedy.split())
    project.run()
    assert set(project.inventory()) == ALL_SUBJECTS
    project.config.write_text(project.config.read_text().replace("exclude: []", f"exclude: [{excluded}]"))
    project.run()
    assert set(project.inventory()) == ALL_SUBJECTS - {excluded}

    project.forget()
    labels = project.raw / "RETOUCH-TrainingSet-Spectralis/TRAIN025/reference.raw"
    labels.write_bytes(bytes(len(labels.read_bytes())))
    project.track()
    told = "data/prepared/mini/manifest.json: is of another version of the archive"
    assert project.prepared_by(lambda: project.run(expected=told)) == {"TRAIN025"}
    assert not SliceStore(project.root / paths.slices("mini")).labels("TRAIN025").any()

    left = {name: data for name, data in prepared(project.root, "mini").items() if excluded not in name}
    assert project.from_scratch() == left

"""Archives are pulled, generated or downloaded, and verified; what cannot be had is said with where to get it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from archives import ixi, noise
from tracked import ARCHIVE, FILES, dvc, put, refusal
from typer.testing import CliRunner

from benchmark.archives.manifest import Tree
from benchmark.archives.retrieval import fetch as module
from benchmark.archives.retrieval import versioning
from benchmark.archives.retrieval.fetch import absent, fetch, pin
from benchmark.cli.app import app
from benchmark.config.load import load_dataset
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError


def test_our_hash_of_a_folder_is_dvcs(repository, dataset):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    assert Tree.of(root).md5 == pin("mini") != ""


def test_an_archive_that_is_there_and_tracked_is_taken_without_dvc(repository, dataset, monkeypatch):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    monkeypatch.setattr(versioning, "_call", lambda *a: pytest.fail("DVC was called"))
    fetch("mini")
    found = json.loads(paths.manifest("mini").read_text())
    assert found["md5"] == pin("mini")
    assert (found["nfiles"], found["size"]) == (3, 151)
    assert found["files"]["IXI-T1/a.nii.gz"] == hashlib.md5(b"a" * 100).hexdigest()


def test_the_manifest_is_only_written_when_its_content_changes(repository, dataset):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    fetch("mini")
    os.utime(paths.manifest("mini"), (1, 1))
    fetch("mini")
    assert paths.manifest("mini").stat().st_mtime == 1
    (root / "notes.txt").write_text("changed")
    dvc("add", str(root))
    fetch("mini")
    assert paths.manifest("mini").stat().st_mtime > 1


def test_dvc_reports_nothing_to_its_makers(repository, dataset, tmp_path, monkeypatch):
    put(dataset("mini", "ixi", archive=ARCHIVE))
    monkeypatch.delenv("DVC_NO_ANALYTICS", raising=False)
    reports = []
    monkeypatch.setattr("dvc.analytics.collect_and_send_report", lambda *_: reports.append("sent"))
    monkeypatch.setattr("dvc.daemon.daemon", lambda *_: reports.append("by a process"))
    versioning.track("mini")
    versioning.pull("mini")
    assert not reports


def test_pulled_from_the_remote_of_this_machine(repository, dataset, tmp_path, monkeypatch):
    """The remote is written to .dvc/config.local only; deleted data come back with the same manifest."""
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    (tmp_path / "remote").mkdir()
    monkeypatch.setenv(versioning.REMOTE_VARIABLE, str(tmp_path / "remote"))
    dvc("add", str(root))
    fetch("mini")
    assert versioning.configure_remote()
    dvc("push")
    os.utime(paths.manifest("mini"), (1, 1))
    shutil.rmtree(root)
    shutil.rmtree(repository / ".dvc/cache")
    fetch("mini")
    assert (root / "IXI-T1/a.nii.gz").read_bytes() == b"a" * 100
    assert paths.manifest("mini").stat().st_mtime == 1
    assert "remote" not in (repository / ".dvc/config").read_text()
    assert str(tmp_path / "remote") in (repository / ".dvc/config.local").read_text()


def test_a_remote_beside_the_project_is_found(repository, monkeypatch):
    assert not versioning.configure_remote()
    (repository.parent / "shared/dvc-mirror").mkdir(parents=True)
    assert versioning.configure_remote()
    assert str(repository.parent / "shared/dvc-mirror") in (repository / ".dvc/config.local").read_text()


def test_a_remote_that_is_configured_is_left_alone(repository):
    dvc("remote", "add", "--default", "mine", "elsewhere")
    (repository.parent / "shared/dvc-mirror").mkdir(parents=True)
    assert versioning.configure_remote()
    assert not (repository / ".dvc/config.local").exists()


def test_an_absent_archive_says_who_gives_it_out(repository, dataset):
    dataset("mini", "ixi", archive=ARCHIVE)
    message = refusal("mini")
    for part in (
        "data/raw/mini: is absent",
        "The Owner",
        "after a signed agreement",
        "https://owner.example",
        "Put the folder IXI-T1 into data/raw/mini, then check and track it: hbench data track mini",
    ):
        assert part in message
    assert pin("mini") == ""


def test_an_archive_that_is_not_tracked_says_how(repository, dataset):
    put(dataset("mini", "ixi", archive=ARCHIVE))
    assert refusal("mini") == "data/raw/mini: is there, but not tracked. Check and track it: hbench data track mini."


def test_no_remote(repository, dataset):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    shutil.rmtree(root)
    assert "data/raw/mini: is absent, and no DVC remote is configured" in refusal("mini")


def test_a_remote_that_is_not_there(repository, dataset, monkeypatch, tmp_path):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    shutil.rmtree(root)
    shutil.rmtree(repository / ".dvc/cache")
    monkeypatch.setenv(versioning.REMOTE_VARIABLE, str(tmp_path / "gone"))
    assert f"HBENCH_DVC_REMOTE={tmp_path / 'gone'}: is no folder" in refusal("mini")
    assert not (repository / ".dvc/config.local").exists()
    monkeypatch.delenv(versioning.REMOTE_VARIABLE)
    dvc("remote", "add", "--default", "mine", str(tmp_path / "gone"))
    message = refusal("mini")
    assert message.startswith("dvc pull --force data/raw/mini: failed:")
    assert not root.exists()


def test_an_archive_that_was_changed_is_not_overwritten(repository, dataset):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    (root / "notes.txt").write_text("precious")
    message = refusal("mini")
    assert "is not what data/raw/mini.dvc states" in message
    assert "dvc checkout data/raw/mini.dvc" in message
    assert "hbench data track mini" in message
    assert (root / "notes.txt").read_text() == "precious"


STAGE = """stages:
  make-mini:
    cmd: python make.py
    outs:
      - data/raw/mini
"""
MAKE = "import pathlib; p = pathlib.Path('data/raw/mini'); p.mkdir(parents=True); (p / 'x.nii.gz').write_text('{}')"


@pytest.mark.parametrize("folder", ["", "data/full/"])
def test_what_a_stage_generates_is_generated(repository, dataset, folder):
    """Without a remote; once it is in dvc.lock, it must come out the same."""
    root = dataset("mini", "ixi", phantom=True)
    lock_file = Path(f"{folder}dvc.lock")
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    stage = STAGE.replace("    cmd:", "    wdir: ../..\n    cmd:") if folder else STAGE
    Path(f"{folder}dvc.yaml").write_text(stage)
    Path("make.py").write_text(MAKE.format("one"))
    fetch("mini")
    assert (root / "x.nii.gz").read_text() == "one"
    expected, lock = pin("mini"), lock_file.read_bytes()
    assert json.loads(paths.manifest("mini").read_text())["md5"] == expected
    shutil.rmtree(root)
    fetch("mini")
    assert lock_file.read_bytes() == lock
    for trace in (root, Path(".dvc/cache"), paths.PREPARED):
        shutil.rmtree(trace)
    Path("make.py").write_text(MAKE.format("two"))
    message = refusal("mini")
    assert f"and {lock_file} states {expected}" in message
    assert f"dvc repro {f'{folder}dvc.yaml:' if folder else ''}make-mini" in message
    assert lock_file.read_bytes() == lock


@pytest.mark.parametrize("left", ["", '{"write": {"/so'])
def test_what_dvc_left_half_written_when_it_was_killed_is_removed(repository, dataset, left, capsys):
    root = dataset("mini", "ixi", phantom=True)
    Path("dvc.yaml").write_text(STAGE)
    Path("make.py").write_text(MAKE.format("one"))
    (repository / versioning.PROCESSES).write_text(left)
    fetch("mini")
    assert (root / "x.nii.gz").read_text() == "one"
    assert f"{versioning.PROCESSES} was half written" in capsys.readouterr().out
    json.loads((repository / versioning.PROCESSES).read_text())


def made_and_deleted(dataset) -> Path:
    """Folder of an archive that a stage made, and of which only its hash in dvc.lock is left."""
    root = dataset("mini", "ixi", phantom=True)
    Path("dvc.yaml").write_text(STAGE)
    Path("make.py").write_text(MAKE.format("one"))
    fetch("mini")
    for trace in (root, Path(".dvc/cache")):
        shutil.rmtree(trace)
    return root


def test_what_the_remote_does_not_hold_is_made_again(repository, dataset, monkeypatch, tmp_path, capsys):
    root = made_and_deleted(dataset)
    (tmp_path / "remote").mkdir()
    monkeypatch.setenv(versioning.REMOTE_VARIABLE, str(tmp_path / "remote"))
    capsys.readouterr()
    fetch("mini")
    told = capsys.readouterr().out
    assert "data/raw/mini: it could not be pulled from the DVC remote (failed: " in told
    assert "; it is made again and checked against the stated hash." in told
    assert (root / "x.nii.gz").read_text() == "one"


def test_a_remote_that_cannot_be_reached_is_told_with_its_reason(repository, dataset, monkeypatch, capsys):
    root = made_and_deleted(dataset)
    dvc("remote", "add", "--default", "mine", "elsewhere")

    def pull(_):
        raise DataError("dvc pull", "failed: Permission denied (publickey)", "Correct that and run it again")

    monkeypatch.setattr(versioning, "pull", pull)
    capsys.readouterr()
    fetch("mini")
    told = capsys.readouterr().out
    assert "data/raw/mini: it could not be pulled from the DVC remote (failed: Permission denied (publickey)); " in told
    assert (root / "x.nii.gz").read_text() == "one"


def test_downloaded_where_no_remote_holds_it(repository, dataset, monkeypatch):
    """The table verifies what it names: notices that a remote keeps beside the data are not in it."""
    root = put(dataset("mini", "ixi", archive={**ARCHIVE, "sources": "sources.csv"}))
    dvc("add", str(root))
    rows = [
        f"{n},owner/repo,c0ffee,{n},{len(c)},{hashlib.sha256(c).hexdigest()}"
        for n, c in FILES.items()
        if n != "notes.txt"
    ]
    Path("sources.csv").write_text("\n".join(["file,repository,commit,path,bytes,sha256", *rows]) + "\n")
    fetch("mini")
    whole = paths.manifest("mini").read_bytes()
    shutil.rmtree(root)
    shutil.rmtree(".dvc/cache")
    os.utime(paths.manifest("mini"), (1, 1))

    def download(sources, folder):
        for source in sources:
            (folder / source.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / source.file).write_bytes(FILES[source.file])

    monkeypatch.setattr(module, "download", download)
    fetch("mini")
    assert sorted(p.name for p in root.rglob("*.*")) == ["a.nii.gz", "b.nii.gz"]
    assert paths.manifest("mini").read_bytes() == whole
    assert paths.manifest("mini").stat().st_mtime == 1


def test_too_little_room_is_said_before_anything_is_fetched(repository, dataset, monkeypatch):
    root = put(dataset("mini", "ixi", archive=ARCHIVE))
    dvc("add", str(root))
    shutil.rmtree(root)
    pointer = paths.RAW / "mini.dvc"
    pointer.write_text(pointer.read_text().replace("size: 151", f"size: {10**18}"))
    assert f"data/raw/mini: needs {10**12} MB, and " in refusal("mini")


DAMAGED = {
    "no YAML": b"outs: [\n",
    "conflict": b"<<<<<<< HEAD\nouts:\n=======\n",
    "no text": b"outs: \xff\n",
    "a date that is none": b"outs: 2020-13-45\nstages: 2020-13-45\n",
    "nested": b"outs: " + b"[" * 3000,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_of_dvc(repository, dataset, name):
    dataset("mini", "ixi", archive=ARCHIVE)
    paths.RAW.mkdir(parents=True)
    for path in (paths.RAW / "mini.dvc", Path("dvc.lock"), Path("dvc.yaml")):
        path.write_bytes(DAMAGED[name])
        assert re.match(rf"{path}: is damaged \(.*\)\. Restore it: git checkout {path}\.", refusal("mini"))
        path.unlink()


def test_snakemake_can_ask_for_a_pin_without_importing_dvc():
    code = (
        "import sys; from benchmark.archives.retrieval.fetch import pin; "
        "print(pin('oasis_ixi')); assert 'dvc' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "857b15f46d52434c4034d4e770164f64.dir"


def test_an_archive_is_checked_before_it_is_tracked(repository, dataset):
    names = [f"IXI{n}01-{site}-0001-T1" for n, site in ((1, "IOP"), (2, "HH"), (3, "IOP"), (4, "HH"))]
    root = ixi(dataset("mini", "ixi", archive=ARCHIVE), names)
    (root / "IXI-T1/IXI201-HH-0001-T1.nii.gz").write_bytes(b"nothing")
    refused = CliRunner().invoke(app, ["data", "track", "mini"])
    assert refused.exit_code == 2
    assert "is no readable NIfTI file" in refused.stdout
    assert pin("mini") == ""
    ixi(root, ["IXI201-HH-0001-T1"], noise(seed=7))
    tracked = CliRunner().invoke(app, ["data", "track", "mini"])
    assert tracked.exit_code == 0, tracked.output
    assert pin("mini").endswith(".dir")
    fetch("mini")


@pytest.mark.parametrize("name", ["ixi", "msseg", "retouch"])
def test_archives_of_the_paper_say_where_they_come_from_and_what_to_do(name):
    config = load_dataset(name, Path(__file__).parents[2] / paths.DATASET_CONFIG)
    message = str(absent(config))
    for part in (config.archive.owner, config.archive.terms, config.archive.url, config.archive.contents):
        assert part in message
    assert message.endswith(f" into data/raw/{name}, then check and track it: hbench data track {name}.")


def test_an_empty_folder_is_an_absent_archive(repository, dataset):
    dataset("mini", "ixi", archive=ARCHIVE).mkdir(parents=True)
    assert refusal("mini").startswith("data/raw/mini: is absent. mini is given out by The Owner")


def test_a_remote_of_an_unknown_kind_is_told_with_its_reason(repository, monkeypatch):
    monkeypatch.setenv(versioning.REMOTE_VARIABLE, "foo://x")
    with pytest.raises(DataError, match=r"HBENCH_DVC_REMOTE=foo://x: is no DVC remote .*Unsupported URL type foo://"):
        versioning.configure_remote()


def test_a_phantom_that_is_not_generated_yet_names_its_stage(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    message = str(absent(load_dataset("ixi_phantom_tiny")))
    assert "is not generated yet. Run 'dvc repro ixi_phantom_tiny', or a benchmark that has it" in message


def test_a_phantom_is_not_tracked_beside_its_stage(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    refused = CliRunner().invoke(app, ["data", "track", "ixi_phantom_tiny"])
    assert str(refused.exception) == (
        "data/raw/ixi_phantom_tiny: is generated by the stage ixi_phantom_tiny, and dvc.lock tracks it. "
        "To have it generated and verified: hbench data fetch ixi_phantom_tiny."
    )

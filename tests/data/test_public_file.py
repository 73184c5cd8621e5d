"""An archive that is one public file: taken where it lies, pulled where DVC tracks it, else downloaded."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from tracked import ARCHIVE, dvc, put, refusal
from typer.testing import CliRunner

from benchmark.archives.manifest import Tree
from benchmark.archives.retrieval import fetch as module
from benchmark.archives.retrieval import resumable, versioning
from benchmark.archives.retrieval.download import BASE_VARIABLE
from benchmark.archives.retrieval.fetch import absent, fetch, pin
from benchmark.cli.app import app
from benchmark.config.load import load_dataset
from benchmark.runtime import paths

PUBLIC = b"not read here" * 100


@pytest.fixture
def public(dataset, monkeypatch) -> Path:
    """Folder of a dataset whose archive is one public file, whose server is not there."""
    archive = {**ARCHIVE, "download": {"url": "http://owner.example/a/IXI-T1.tar", "md5": md5(PUBLIC)}}
    monkeypatch.setenv(BASE_VARIABLE, "http://127.0.0.1:1/mirror/")
    monkeypatch.setattr(resumable, "_BACKOFF", 0)
    return dataset("mini", "ixi", archive=archive)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def served(monkeypatch) -> list[str]:
    """Addresses of downloads, each of which brings the file."""
    asked = []

    def download_file(url, expected, path):
        asked.append(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PUBLIC)
        assert expected == md5(PUBLIC)

    monkeypatch.setattr(module, "download_file", download_file)
    return asked


def test_one_public_file_is_downloaded_and_needs_no_tracking(repository, public, served):
    fetch("mini")
    assert served == ["http://127.0.0.1:1/mirror/a/IXI-T1.tar"]
    found = json.loads(paths.manifest("mini").read_text())
    assert found["files"] == {"IXI-T1.tar": md5(PUBLIC)}
    assert found["md5"] == pin("mini")
    fetch("mini")
    assert len(served) == 1
    # Whether DVC tracks it makes no difference to what depends on it.
    os.utime(paths.manifest("mini"), (1, 1))
    before = pin("mini")
    dvc("add", str(public))
    assert versioning.stated("mini").md5 == before
    fetch("mini")
    assert paths.manifest("mini").stat().st_mtime == 1


def test_a_public_file_that_was_put_there_is_taken_with_notices_beside_it(repository, public, served):
    public.mkdir(parents=True)
    (public / "IXI-T1.tar").write_bytes(PUBLIC)
    (public / "IXI.xls").write_bytes(b"a table")
    fetch("mini")
    assert served == []
    assert list(json.loads(paths.manifest("mini").read_text())["files"]) == ["IXI-T1.tar"]


def test_an_interrupted_download_is_no_part_of_the_archive(repository, public, served):
    public.mkdir(parents=True)
    (public / "IXI-T1.tar.part").write_bytes(PUBLIC[:9])
    fetch("mini")
    assert len(served) == 1
    dvc("add", str(public))
    assert versioning.stated("mini").md5 == Tree.of(public).md5 == pin("mini")


@pytest.mark.parametrize(
    "there",
    [
        {"IXI-T1.tar": b"half of it"},
        {"IXI-T1/IXI101.nii.gz": b"x"},
        {"IXI-T1.tar": PUBLIC, "IXI-T1/IXI101.nii.gz": b"x"},
        {"IXI.xls": b"a table"},
    ],
    ids=["another file", "unpacked", "both", "a table alone"],
)
def test_what_else_was_put_there_is_neither_taken_nor_overwritten(repository, public, served, there):
    for name, content in there.items():
        (public / name).parent.mkdir(parents=True, exist_ok=True)
        (public / name).write_bytes(content)
    message = refusal("mini")
    assert f"data/raw/mini: is there, but not tracked, and is not just IXI-T1.tar with the MD5 hash {md5(PUBLIC)}" in (
        message
    )
    assert "hbench data track mini; or move it away and have that file downloaded: hbench data fetch mini" in message
    assert served == []
    assert {p.relative_to(public).as_posix(): p.read_bytes() for p in public.rglob("*") if p.is_file()} == there
    if "IXI-T1.tar" not in there:  # a folder that its user wants as it is
        dvc("add", str(public))
        fetch("mini")
        assert json.loads(paths.manifest("mini").read_text())["files"] == {n: md5(c) for n, c in there.items()}


def test_a_tracked_public_file_is_pulled_or_else_downloaded(repository, public, served, tmp_path, monkeypatch, capsys):
    fetch("mini")
    dvc("add", str(public))
    (tmp_path / "remote").mkdir()
    monkeypatch.setenv(versioning.REMOTE_VARIABLE, str(tmp_path / "remote"))
    assert versioning.configure_remote()
    for pushed in (False, True):
        if pushed:
            dvc("add", str(public))
            dvc("push")
        shutil.rmtree(public)
        shutil.rmtree(repository / ".dvc/cache", ignore_errors=True)
        public.mkdir()
        (public / "IXI-T1.tar.part").write_bytes(PUBLIC[:9])
        served.clear()
        fetch("mini")
        assert (public / "IXI-T1.tar").read_bytes() == PUBLIC
        assert len(served) == (0 if pushed else 1)
        assert ("it could not be pulled from the DVC remote" in capsys.readouterr().out) != pushed


def test_another_archive_that_is_tracked_is_not_replaced_by_the_public_file(repository, public, served):
    put(public)
    dvc("add", str(public))
    shutil.rmtree(public)
    shutil.rmtree(repository / ".dvc/cache")
    assert "is absent, and no DVC remote is configured" in refusal("mini")
    assert served == []


def test_a_public_file_that_cannot_be_had(repository, public):
    message = refusal("mini")
    assert message.startswith("http://127.0.0.1:1/mirror/a/IXI-T1.tar: cannot be downloaded (")
    assert not (public / "IXI-T1.tar").exists()


def test_the_command_fetches_and_leaves_the_manifest_to_snakemake(repository, public, served):
    said = CliRunner().invoke(app, ["data", "fetch", "mini"])
    assert said.exit_code == 0
    assert "data/raw/mini: downloading http://127.0.0.1:1/mirror/a/IXI-T1.tar" in said.output
    assert "data/raw/mini: The Owner. Terms: after a signed agreement" in said.output
    assert "data/raw/mini: verified, 1 files, 0.0 MB" in said.output
    assert (public / "IXI-T1.tar").read_bytes() == PUBLIC
    assert not paths.manifest("mini").exists()


def test_an_absent_archive_that_can_be_downloaded_says_so(repository, public):
    message = str(absent(load_dataset("mini")))
    assert "data/raw/mini: is absent. Download it: hbench data fetch mini; or get it by hand: mini is given" in message

"""Folders that cannot be written to, and files from the future, are refused before a run begins."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from disks import ALONE, can_mount, without_override

from benchmark.cli import reported_errors
from benchmark.pipeline.folders import MARGIN, folders_of, refuse_braces, refuse_future, refuse_unusable
from benchmark.runtime.errors import UserError

YEAR = 365 * 24 * 3600
FILE = "is, or lies below, a file where a folder belongs. Move that file away and run it again."
TRAIN = Path("logs/a/train")


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said(capsys, *folders, writing=False):
    with pytest.raises(SystemExit) as ended, reported_errors():
        refuse_unusable(folders, writing=writing)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_folders_are_those_that_paths_with_wildcards_share():
    patterns = [
        "logs/a/train/{pair}.log",
        "logs/a/train/x-{pair}.log",
        "logs/a/page.log",
        "results/a/cells/{pair}/model",
        "data/prepared/{dataset}/slices.h5",
        "logs/ab/page.log",
    ]
    found = folders_of(patterns, [Path("logs/a"), Path("results/a")])
    assert found == [Path("logs/a"), TRAIN, Path("results/a/cells")]


def test_a_project_below_a_folder_with_braces_is_refused():
    refuse_braces(Path("/a [b] 'c' ä/project"))
    with pytest.raises(UserError, match=r"^/a \{b\}/project: has braces in its path"):
        refuse_braces(Path("/a {b}/project"))


def test_nothing_is_said_of_what_is_not_there_yet_and_of_links_to_folders(tmp_path):
    refuse_unusable([TRAIN], writing=True)
    assert not list(tmp_path.iterdir())
    (tmp_path / "big").mkdir()
    Path("logs").symlink_to("big")
    refuse_unusable([TRAIN], writing=True)


@pytest.mark.parametrize("place", ["logs", "logs/a", "logs/a/train"])
def test_a_file_in_a_folders_place_is_told(capsys, place):
    Path(place).parent.mkdir(parents=True, exist_ok=True)
    Path(place).write_text("mine")
    assert said(capsys, Path("results/a"), TRAIN) == f"error: {place}: {FILE}\n"
    assert Path(place).read_text() == "mine"


def test_links_that_lead_to_no_folder_are_told(capsys):
    Path("logs").symlink_to("logs")
    assert said(capsys, TRAIN) == f"error: logs: {FILE}\n"
    Path("logs").unlink()
    Path("logs").symlink_to("nowhere")
    assert said(capsys, TRAIN) == f"error: logs: {FILE}\n"


ASK = """
from pathlib import Path
from benchmark.cli import reported_errors
from benchmark.pipeline.folders import refuse_unusable
with reported_errors():
    for writing in (False, True):
        refuse_unusable([Path("results/a"), Path("logs/a/train")], writing=writing)
        print("writing" if writing else "looking")
"""


def asked(*before):
    """Asks for someone who would only look, and then for one who would write."""
    command = [*before, sys.executable, "-c", ASK]
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, preexec_fn=None if before else without_override
    )


@pytest.mark.parametrize(
    ("made", "closed", "told_of"),
    [
        ("logs/a/train", "logs/a/train", "logs/a/train"),
        ("logs/a", "logs/a", "logs/a"),
        ("logs", "logs", "logs"),
        ("logs/a/train", "logs", None),  # nothing is made in it any more
    ],
)
def test_a_folder_in_which_nothing_may_be_made_is_told_to_who_would_write(made, closed, told_of):
    Path(made).mkdir(parents=True)
    Path(closed).chmod(0o555)
    try:
        done = asked()
    finally:
        Path(closed).chmod(0o755)
    fault = f"error: {told_of}: access is denied. Correct the permissions.\n" if told_of else ""
    assert done.stdout.split() == (["looking"] if told_of else ["looking", "writing"])
    assert (done.returncode, done.stderr) == (2 if told_of else 0, fault)


@pytest.mark.skipif(not can_mount(), reason="file systems cannot be mounted here")
def test_a_disk_that_is_read_only_is_told_as_such(tmp_path):
    mount = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,ro,bind {tmp_path} && cd {tmp_path}"
    done = asked(*ALONE, "sh", "-c", f'{mount} && exec "$@"', "sh")
    assert done.stderr == "error: .: the disk is read-only. Work in a folder that can be written to.\n"


def put(path, seconds):
    """A file that is this much ahead."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() + seconds,) * 2)


def test_the_file_that_is_furthest_ahead_is_refused_and_the_remedy_mends_all(tmp_path):
    put(Path("data/a/late one"), 2 * YEAR)
    put(Path("data/early"), YEAR)
    Path("results").mkdir()
    Path("results/link").symlink_to("nowhere")
    os.utime("results/link", (time.time() + YEAR,) * 2, follow_symlinks=False)
    put(Path("results/b/past"), -5)
    os.utime("results/b", (time.time() + YEAR / 2,) * 2)
    before = Path("results/b/past").stat().st_mtime_ns
    folders = [Path("data"), Path("results"), Path("missing")]
    with pytest.raises(UserError, match=r"data/a/late one: is from the future \(\d{4}-\d\d-\d\d \d\d:\d\d\)") as caught:
        refuse_future(folders)
    subprocess.run(["sh", "-c", re.search(r"time of now: (.*)\.$", str(caught.value))[1]], check=True)
    refuse_future(folders)
    assert not Path("now").exists()
    assert Path("results/b/past").stat().st_mtime_ns == before
    assert Path("data/early").stat().st_mtime_ns == Path("data/a/late one").stat().st_mtime_ns


def test_the_clock_of_a_network_may_be_a_little_ahead(tmp_path):
    put(Path("data/a"), MARGIN / 2)
    refuse_future([Path("data")])
    put(Path("data/a"), 2 * MARGIN)
    with pytest.raises(UserError, match="data/a: is from the future"):
        refuse_future([Path("data")])

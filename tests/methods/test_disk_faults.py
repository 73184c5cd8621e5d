"""A training on a disk that is full or read-only ends with a message, loses nothing, and goes on to the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from disks import ALONE, can_mount, without_override
from killed_training import checkpoints, finish, lay_out, train

pytestmark = pytest.mark.processes

METHOD = "cyclegan"
STEP = [sys.executable, "-m", "benchmark", "step", "train", "config.json", "tiny", "AA-BB", "0", METHOD, "0"]


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return train(tmp_path_factory.mktemp("disk") / "undisturbed", METHOD)


def on_a_disk_of(kib, folder):
    """Trains on a disk too small, then with room; exit code and messages of the first, checkpoints then, the second."""
    script = f"""
        mkdir results && mount -t tmpfs -o size={kib}k none results || exit 1
        "$@" 2> first; echo $? > code
        find results -name 'step-*' | wc -l > checkpoints
        mount -o remount,size=100m results && "$@" 2> second && cp -r results kept
    """
    subprocess.run([*ALONE, "bash", "-c", script, "bash", *STEP], cwd=folder, env=environment(), check=True)
    (folder / "results").rmdir()
    (folder / "kept").rename(folder / "results")
    code, first, left, second = ((folder / name).read_text() for name in ("code", "first", "checkpoints", "second"))
    return int(code), first, int(left), second


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize(("kib", "left"), [(1000, 0), (6500, 2)])
def test_a_disk_that_is_full_at_a_checkpoint(kib, left, tmp_path, undisturbed):
    """A checkpoint takes 2.5 MiB here."""
    lay_out(tmp_path / "full", 12, 3)
    code, first, found, second = on_a_disk_of(kib, tmp_path / "full")
    assert code == 2, first
    assert f"step-{3 * left + 3:09}: there is no room left on the disk. Free some space, and run it again" in first
    assert "Traceback" not in first
    assert found == left
    assert ("going on from the checkpoint" in second) == (left > 0)
    assert result(tmp_path / "full") == undisturbed


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
@pytest.mark.parametrize("file", ["model", "history.csv"])
def test_a_disk_that_is_full_when_the_training_is_done(file, tmp_path, undisturbed):
    lay_out(tmp_path / "full", 12, 500)
    pages = 1 + sum(-(-len(content) // 4096) for name, content in undisturbed.items() if name != "history.csv")
    code, first, _, _ = on_a_disk_of(4 * pages - (8 if file == "model" else 0), tmp_path / "full")
    assert code == 2, first
    assert f"{file}: there is no room left on the disk" in first
    assert result(tmp_path / "full") == undisturbed


def result(folder):
    cell = folder / "results/small/cells/tiny/AA-BB/fold-0" / METHOD / "seed-0"
    assert not list((folder / "results").rglob("*.tmp"))
    files = [*(cell / "model").iterdir(), cell / "history.csv"]
    return {path.name: path.read_bytes() for path in files}


def test_a_file_that_may_not_grow_ends_it_and_it_goes_on(tmp_path, undisturbed):
    """The limit is below the size of a checkpoint's tensors."""
    lay_out(tmp_path / "limited", 12, 3)
    limited = ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash", *STEP]
    done = subprocess.run(limited, cwd=tmp_path / "limited", env=environment(), capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "step-000000003" in done.stderr
    assert "a file is larger than this system allows" in done.stderr
    assert not checkpoints(tmp_path / "limited")
    assert finish(tmp_path / "limited", METHOD) == undisturbed


def test_a_read_only_results_folder_is_told_and_nothing_is_changed(tmp_path, undisturbed):
    folder = tmp_path / "read-only"
    lay_out(folder, 12, 3)
    (folder / "results").mkdir()
    (folder / "results").chmod(0o555)
    try:
        done = subprocess.run(
            STEP, cwd=folder, env=environment(), capture_output=True, text=True, preexec_fn=without_override
        )
    finally:
        (folder / "results").chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: results/small: access is denied. Correct the permissions")
    assert "Traceback" not in done.stderr
    assert not list((folder / "results").iterdir())
    assert finish(folder, METHOD) == undisturbed


@pytest.mark.skipif(not can_mount(), reason="no file system can be mounted here")
def test_a_disk_that_is_read_only_when_the_training_would_go_on(tmp_path, undisturbed):
    """As the kernel makes one that reports errors."""
    lay_out(tmp_path / "disk", 12, 3)
    script = """
        mkdir results && mount -t tmpfs -o size=100m none results || exit 1
        "$@" 2> killed & training=$!
        until find results -name step-000000003 | grep -q .; do sleep 0.01; done
        kill -KILL $training; wait $training
        for try in $(seq 100); do mount -o remount,ro results && break; sleep 0.1; done  # its own process ends with it
        "$@" 2> first; echo $? > code
        mount -o remount,rw results && "$@" 2> second && cp -r results kept
    """
    command = [*ALONE, "bash", "-c", script, "bash", *STEP]
    subprocess.run(command, cwd=tmp_path / "disk", env=environment(), check=True, timeout=300)
    first = (tmp_path / "disk/first").read_text()
    assert (tmp_path / "disk/code").read_text() == "2\n", first
    assert "the disk is read-only. Work in a folder that can be written to" in first
    (tmp_path / "disk/results").rmdir()
    (tmp_path / "disk/kept").rename(tmp_path / "disk/results")
    assert "going on from the checkpoint" in (tmp_path / "disk/second").read_text()
    assert result(tmp_path / "disk") == undisturbed

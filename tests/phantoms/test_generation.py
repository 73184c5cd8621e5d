"""The same bytes on every machine, as pinned in dvc.lock, and no incomplete datasets."""

import errno
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time

import joblib
import pooled_work
import pytest
import yaml
from generated import KINDS, ONE, ROOT, files, run
from generated import command as generation_of

from benchmark.phantoms import __main__ as command
from benchmark.phantoms import generate as generation
from benchmark.runtime.errors import DataError, UserError

LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
FULL = yaml.safe_load((ROOT / "data/full/dvc.yaml").read_text())["stages"]


def cpu_features() -> list[str]:
    """CPU features that NumPy selects code by at run time."""
    from numpy._core._multiarray_umath import __cpu_dispatch__

    return list(__cpu_dispatch__)


# NumPy without AVX2 and AVX-512, and the C library without fused multiplication and addition
PLAIN_CPU = {
    "NPY_DISABLE_CPU_FEATURES": " ".join(cpu_features()),
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX2_Usable,-FMA_Usable",
    "PYTHONWARNINGS": "ignore",  # NumPy warns about features that the CPU lacks
}


def tree_hash(folder) -> str:
    """DVC's hash of a folder: the MD5 of the list of its files' MD5s."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = [
        {"md5": hashlib.md5(path.read_bytes()).hexdigest(), "relpath": path.relative_to(folder).as_posix()}
        for path in paths
    ]
    entries.sort(key=lambda entry: entry["relpath"].split("/"))
    return hashlib.md5(json.dumps(entries, sort_keys=True).encode()).hexdigest() + ".dir"


def test_the_cpu_features_are_disabled():
    code = (
        "from numpy._core._multiarray_umath import __cpu_features__ as has, __cpu_dispatch__ as chosen\n"
        "print(any(has[name] for name in chosen))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **PLAIN_CPU}, check=True, capture_output=True, text=True
    )
    assert run.stdout.strip() == "False"


@pytest.mark.processes
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_depend_neither_on_cpu_nor_on_jobs(tiny, tmp_path, kind):
    run(generation_of(kind, tmp_path / kind, 1, ONE[kind]), PLAIN_CPU)
    found, expected = files(tmp_path / kind), files(tiny / kind)
    assert found == {name: expected[name] for name in found}
    assert {name.split("/")[0] for name in found} >= {"truth"}


@pytest.mark.processes
@pytest.mark.skipif(platform.machine() != "x86_64", reason="dvc.lock pins the bytes of x86-64")
@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_the_pinned_ones(tiny, kind):
    assert tree_hash(tiny / kind) == LOCK[f"{kind}_phantom_tiny"]["outs"][0]["md5"]


def test_the_lock_belongs_to_this_code():
    """Otherwise: dvc repro, and commit dvc.lock."""
    assert set(LOCK) == set(STAGES)
    for name, stage in STAGES.items():
        assert LOCK[name]["cmd"] == stage["cmd"]
        assert [entry["path"] for entry in LOCK[name]["deps"]] == sorted(stage["deps"])
        for entry in LOCK[name]["deps"]:
            assert hashlib.md5((ROOT / entry["path"]).read_bytes()).hexdigest() == entry["md5"], entry["path"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stage_depends_on_all_modules_that_it_imports(kind):
    code = (
        f"import sys, benchmark.phantoms.generate, benchmark.phantoms.{kind}\n"
        "print(*(m.replace('.', '/') + '.py' for m in sys.modules if m.startswith('benchmark.phantoms.')))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    for stage in (f"{kind}_phantom", f"{kind}_phantom_tiny"):
        assert set(STAGES[stage]["deps"]) == set(run.stdout.split())


@pytest.mark.parametrize("kind", KINDS)
def test_the_full_size_is_generated_as_the_small_one(kind):
    small, full = STAGES[f"{kind}_phantom"], FULL[f"{kind}_phantom_full"]
    assert full["wdir"] == "../.."
    assert full["deps"] == small["deps"]
    assert full["outs"] == [f"{small['outs'][0]}_full"]
    assert full["cmd"] == small["cmd"].replace(" small ", " full ") + "_full"


class Fake:
    """A kind of two subjects; writing the second can raise an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.written: list[str] = []

    def subjects(self, size):
        return ["a", "b"]

    def write(self, subject, size, folder):
        if subject == "b" and self.error is not None:
            raise self.error
        self.written.append(subject)
        (folder / subject).write_text(size)


@pytest.fixture
def fake(monkeypatch):
    kind = Fake()
    monkeypatch.setattr(generation, "load_kind", lambda name: kind)
    with joblib.parallel_config(backend="sequential"):  # worker processes could not import the fake
        yield kind


def test_a_dataset_appears_when_it_is_complete(fake, tmp_path):
    assert generation.generate("fake", "tiny", tmp_path / "new" / "data", 1) == 2
    assert sorted(path.name for path in (tmp_path / "new").rglob("*")) == ["a", "b", "data"]


@pytest.mark.parametrize("error", [ValueError("a bug"), DataError("template", "is another", "Install it")])
def test_an_incomplete_dataset_has_another_name(fake, tmp_path, error):
    fake.error = error
    with pytest.raises(type(error), match=str(error)):
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    assert [path.name for path in tmp_path.iterdir()] == [".data-unfinished"]


def test_a_full_disk_is_one_message(fake, tmp_path):
    fake.error = OSError(28, "No space left on device")
    with pytest.raises(UserError, match=r"data: cannot be written \(No space left on device\)\. Free some space"):
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("number", [errno.ENOTEMPTY, errno.ENOENT])
def test_interference_by_another_process_is_not_reported_as_a_full_disk(fake, tmp_path, number):
    fake.error = OSError(number, os.strerror(number))
    with pytest.raises(UserError, match=r"data: cannot be written .*Make sure that nothing else") as raised:
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    assert "Free some space" not in str(raised.value)


@pytest.mark.parametrize("ended", ["writing", "moving", "removing"])
def test_an_interrupted_generation_continues(fake, tmp_path, ended):
    fake.error = OSError(28, "No space left on device")
    with pytest.raises(UserError):
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    unfinished = tmp_path / ".data-unfinished"
    if ended != "writing":
        generation._move(unfinished / "0", unfinished / "whole")
    if ended == "removing":  # what was left behind a dataset that had its name, and that was removed
        shutil.rmtree(unfinished / "whole")
    fake.error, fake.written = None, []
    assert generation.generate("fake", "tiny", tmp_path / "data", 1) == 2
    assert fake.written == (["a", "b"] if ended == "removing" else ["b"])
    assert {path.name: path.read_text() for path in (tmp_path / "data").iterdir()} == {"a": "tiny", "b": "tiny"}
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("lost", ["data", "."])
def test_a_dataset_without_a_subject_does_not_appear(fake, tmp_path, monkeypatch, lost):
    move = generation._move

    def disturbed(subject, whole):
        if subject.name == "1":
            shutil.rmtree(subject / lost)
        move(subject, whole)

    monkeypatch.setattr(generation, "_move", disturbed)
    with pytest.raises(UserError, match="data: files of these subjects are missing: b"):
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(generation, "_move", move)
    fake.written = []
    generation.generate("fake", "tiny", tmp_path / "data", 1)
    assert fake.written == ["b"]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["a", "b"]


@pytest.mark.processes
def test_a_killed_process_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generation, "_write", pooled_work.die)
    assert command.main(["retouch", "tiny", str(tmp_path / "data"), "--jobs", "2"]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {tmp_path / 'data'}: one of the processes that make it was killed")
    assert "fewer processes (--jobs; there were up to 2)" in message
    assert "Traceback" not in message


@pytest.mark.processes
def test_a_killed_generation_continues_at_once(tiny, tmp_path):
    arguments = generation_of("retouch", tmp_path / "data", 2, slice(0, None, 4))
    with subprocess.Popen(arguments, cwd=ROOT) as killed:
        while not (parts := list(tmp_path.glob(".data-unfinished/*.part"))):
            assert killed.poll() is None
            time.sleep(0.01)
        killed.kill()
    assert parts
    again = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert (again.returncode, again.stderr) == (0, "")
    found, expected = files(tmp_path / "data"), files(tiny / "retouch")
    assert found == {name: expected[name] for name in found}
    assert {name.split("/")[0] for name in found} == {name.split("/")[0] for name in expected}, "both scanners"


@pytest.mark.parametrize("change", ["size", "code"])
def test_subjects_of_another_generation_are_not_used(fake, tmp_path, monkeypatch, change):
    fake.error = OSError(28, "No space left on device")
    with pytest.raises(UserError):
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    fake.error, fake.written = None, []
    if change == "code":
        monkeypatch.setattr(generation, "_code", lambda: "another")
    generation.generate("fake", "small" if change == "size" else "tiny", tmp_path / "data", 1)
    assert fake.written == ["a", "b"]


def test_a_generation_waits_for_ending_processes(fake, tmp_path, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(generation, "lock", lambda _: next(answers))
    assert generation.generate("fake", "tiny", tmp_path / "data", 1) == 2


def test_a_dataset_finished_by_another_process_stays(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(generation, "lock", lambda _: (tmp_path / "data").mkdir() is None)
    with pytest.raises(UserError, match="data: exists already"):
        generation.generate("fake", "tiny", tmp_path / "data", 1)
    assert fake.written == []


def test_two_processes_do_not_write_one_dataset(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(generation, "PATIENCE", 0)
    with (
        generation._unfinished(tmp_path / "data", "content"),
        pytest.raises(UserError, match="data: is being written by another process"),
    ):
        generation.generate("fake", "tiny", tmp_path / "data", 1)


def test_an_existing_folder_stays(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert command.main(["retouch", "tiny", str(tmp_path / "mine")]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {tmp_path / 'mine'}: exists already. Remove it")
    assert "Traceback" not in message


@pytest.mark.parametrize("arguments", [["ixy", "tiny", "x"], ["ixi", "huge", "x"], ["ixi", "tiny", "x", "--jobs", "0"]])
def test_wrong_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(arguments)
    assert stop.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_errors_are_picklable():
    import pickle

    error = pickle.loads(pickle.dumps(DataError("a file", "is damaged", "Get it again")))  # noqa: S301
    assert isinstance(error, DataError)
    assert (error.thing, error.fault, error.remedy) == ("a file", "is damaged", "Get it again")

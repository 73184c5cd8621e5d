"""requirements.lock, pyproject.toml, environment.yml and the rules' environments state the same versions."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from disks import ALONE, can_mount
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_FILES = ["environment.yml", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "workflow/envs").glob("*.yaml"))]


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text()
    return {canonicalize_name(m[1]): m[2] for m in re.finditer(r"^([\w.-]+)==([^ \\;\n]+)", text, re.MULTILINE)}


def conda_pins(path: str) -> dict[str, str]:
    content = yaml.safe_load((ROOT / path).read_text())
    pip = [Requirement(pin) for d in content["dependencies"] if isinstance(d, dict) for pin in d["pip"]]
    return {named(pin): str(pin.specifier).removeprefix("==") for pin in pip}


def named(requirement: Requirement) -> str:
    """Name with extras: without those, what they bring is missing."""
    extras = ",".join(sorted(requirement.extras))
    return canonicalize_name(requirement.name) + (f"[{extras}]" if extras else "")


def requirements() -> list[Requirement]:
    return [Requirement(r) for r in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]]


def test_every_range_of_the_project_admits_the_locked_version():
    versions = locked()
    for requirement in requirements():
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


@pytest.mark.parametrize("path", CONDA_FILES)
def test_conda_environments_state_the_locked_versions(path):
    versions = locked()
    pins = conda_pins(path)
    assert pins
    assert pins == {name: versions[name.partition("[")[0]] for name in pins}


def test_environment_yml_is_the_whole_project():
    assert set(conda_pins("environment.yml")) == {named(r) for r in requirements()}


def test_environments_of_the_rules_have_what_the_project_asks_for():
    asked = {named(r) for r in requirements()}
    for path in CONDA_FILES:
        assert set(conda_pins(path)) <= asked, path


def test_every_rule_names_an_environment_that_exists():
    rules = [p.read_text() for p in (ROOT / "workflow/rules").glob("*.smk")]
    for text in rules:
        for block in re.split(r"^(?:rule|checkpoint) ", text, flags=re.MULTILINE)[1:]:
            environment = re.search(r'conda:\s+"\.\./(envs/\w+\.yaml)"', block)
            assert environment, block.splitlines()[0]
            assert (ROOT / "workflow" / environment[1]).is_file()


def test_locked_packages_have_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.skipif(shutil.which("git") is None, reason="not installed: git")
def test_a_clone_that_converts_line_ends_has_the_files_as_committed(tmp_path):
    """Checksums are of these bytes."""
    origin, reference = tmp_path / "origin", Path("results/reference/demo")
    shutil.copytree(ROOT / reference, origin / reference)
    shutil.copy(ROOT / ".gitattributes", origin)

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments], cwd=origin, check=True)

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "all")
    git("-c", "core.autocrlf=true", "clone", "--quiet", str(origin), str(tmp_path / "clone"))
    for path in (p for p in (origin / reference).rglob("*") if p.is_file()):
        assert (tmp_path / "clone" / path.relative_to(origin)).read_bytes() == path.read_bytes()


# Stands for Python, pip and all: says how much is free, and notes the environments that it is asked for.
PYTHON = """#!{python}
import collections, shutil, subprocess, sys
from pathlib import Path
if sys.argv[1] == "-c":
    shutil.disk_usage = lambda path: collections.namedtuple("usage", "free")({free})
    sys.argv = sys.argv[1:]
    exec(sys.argv[1])
else:
    with Path("calls").open("a") as calls:
        print(*sys.argv[1:], file=calls)
    if sys.argv[1:3] == ["-m", "venv"]:
        Path(".venv/bin").mkdir(parents=True, exist_ok=True)
        Path(".venv/bin/python").unlink(missing_ok=True)
        Path(".venv/bin/python").symlink_to(sys.argv[0])
"""
NO_ROOM = "error: the packages of .venv need 8 GB of free disk space. Free some space"


def set_up(folder, free):
    """Whether an environment was begun where so many bytes are free; else what is said is that they are too few."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    python = folder / "python"
    python.write_text(PYTHON.format(python=sys.executable, free=free))
    python.chmod(0o755)
    (folder / "calls").unlink(missing_ok=True)
    done = subprocess.run(
        ["make", "--no-print-directory", "setup", f"PYTHON={python}"], cwd=folder, capture_output=True, text=True
    )
    begun = (folder / "calls").exists()
    assert (done.returncode, NO_ROOM in done.stderr) == ((0, False) if begun else (2, True)), done.stderr
    assert (folder / ".venv/.installed").exists() or not begun
    return begun


def test_an_environment_wants_8_gb_of_room(tmp_path):
    assert not set_up(tmp_path, 7.9e9)
    assert not (tmp_path / ".venv").exists()
    assert set_up(tmp_path, 8.1e9)
    assert (tmp_path / "calls").read_text().startswith("-m venv .venv\n-m pip install")


def test_what_an_interrupted_set_up_left_counts_as_room_and_is_no_reason_to_go_on_without(tmp_path):
    (tmp_path / ".venv/lib").mkdir(parents=True)
    assert not set_up(tmp_path, 7.9e9)
    (tmp_path / ".venv/lib/package").write_bytes(bytes(200_000_000))
    assert set_up(tmp_path, 7.9e9)


def test_an_environment_is_brought_up_to_date_without_that_room(tmp_path):
    assert set_up(tmp_path, 8.1e9)
    os.utime(tmp_path / ".venv/.installed", (1, 1))
    assert set_up(tmp_path, 1e6)


@pytest.mark.skipif(not can_mount(), reason="file systems cannot be mounted here")
def test_no_environment_is_begun_where_the_packages_have_no_room(tmp_path):
    """Else pip fills the disk first, and other people's jobs on it fail."""
    small = tmp_path / "small"
    small.mkdir()
    steps = [
        f"mount -t tmpfs -o size=1m none {small}",
        f"cp {' '.join(str(ROOT / n) for n in ('Makefile', 'requirements.lock', 'pyproject.toml'))} {small}",
        f"cd {small}",
        f"make --no-print-directory setup PYTHON={sys.executable}; code=$?; ls -A; exit $code",
    ]
    done = subprocess.run([*ALONE, "sh", "-c", " && ".join(steps)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert NO_ROOM in done.stderr
    assert sorted(done.stdout.split()) == ["Makefile", "pyproject.toml", "requirements.lock"]


def test_cleaning_up_leaves_what_other_benchmarks_left(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for parent in ("results", "reports", "logs"):
        (tmp_path / parent / "demo").mkdir(parents=True)
        (tmp_path / parent / "open").mkdir()
    subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, check=True)
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("*/*")) == [
        "logs/open",
        "reports/open",
        "results/open",
    ]

"""requirements.lock, pyproject.toml, environment.yml and the rules' environments state the same versions."""

import re
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


@pytest.mark.skipif(not can_mount(), reason="nobody may mount a file system here")
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
    assert "error: the packages of .venv take 8 GB, and fewer are free here. Make room for them" in done.stderr
    assert sorted(done.stdout.split()) == ["Makefile", "pyproject.toml", "requirements.lock"]

"""Where results come from."""

import hashlib
import json
import subprocess
from datetime import datetime

import pytest
import small_benchmark as small

from benchmark.config.load import load_dataset
from benchmark.results import provenance
from benchmark.results.provenance import code_version, digest, recorded
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell

CELL = Cell("small", small.DATASET, "AA", "BB", 0, "echo", 3)


@pytest.fixture(autouse=True)
def _laid_out():
    small.lay_out()


def record(tmp_path, status="ok", reason=""):
    path = tmp_path / "deep/run.json"
    with recorded(path, small.benchmark_config(), CELL) as found:
        found.status, found.reason = status, reason
        found.facts["parameters"] = 7
    return json.loads(path.read_text())


def test_says_where_a_result_comes_from(tmp_path):
    run = record(tmp_path)
    assert (run["cell"]["method"], run["seed"], run["status"], run["parameters"]) == ("echo", 3, "ok", 7)
    assert run["config_sha256"] == digest(small.benchmark_config().file, load_dataset(small.DATASET))
    slices = hashlib.sha256(paths.slices(small.DATASET).read_bytes()).hexdigest()
    assert run["data"]["slices_sha256"] == slices
    assert set(run["data"]) == {"slices_sha256", "splits_sha256"}
    assert run["versions"]["numpy"]
    assert run["versions"]["python"].startswith("3.")
    assert run["hardware"]["cpu"]
    assert run["hardware"]["cores"] >= 1
    assert datetime.fromisoformat(run["started"]) <= datetime.fromisoformat(run["ended"])
    assert run["wall_seconds"] >= 0
    assert 10 < run["peak_memory_mib"] < 100_000


def test_hash_of_the_config_tells_no_excluded_id_of_a_dataset_with_pseudonyms(tmp_path):
    path = paths.DATASET_CONFIG / f"{small.DATASET}.yaml"
    written, found = path.read_text(), []
    for added in ("", "exclude: [AB]", "pseudonyms: true", "pseudonyms: true\nexclude: [AB]"):
        path.write_text(f"{written}\n{added}\n")
        found.append(record(tmp_path)["config_sha256"])
    assert len(set(found)) == 3
    assert found[2] == found[3]


def test_says_why_a_cell_failed(tmp_path):
    run = record(tmp_path, "failed", "constant output")
    assert (run["status"], run["reason"]) == ("failed", "constant output")


def test_counts_threads(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert record(tmp_path)["threads"]["OMP_NUM_THREADS"] == "3"


def test_names_the_kernels_that_were_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.delenv("MKL_CBWR", raising=False)
    kernels = record(tmp_path)["kernels"]
    assert (kernels["ONEDNN_MAX_CPU_ISA"], kernels["MKL_CBWR"]) == ("AVX2", None)


def test_work_that_raised_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), recorded(tmp_path / "run.json", small.benchmark_config(), CELL):
        raise ZeroDivisionError
    assert not (tmp_path / "run.json").exists()


def test_one_config_has_one_hash_however_it_is_spelt():
    config = small.benchmark_config()
    assert digest(config) == digest(small.benchmark_config(seeds=[0]))
    assert digest(config) != digest(small.benchmark_config(seeds=[1]))


def git(folder, *arguments):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments], cwd=folder, check=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A project of one file in a repository of its own."""
    root = tmp_path / "project"
    (root / "benchmark/results").mkdir(parents=True)
    module = root / "benchmark/results/provenance.py"
    module.write_text("")
    monkeypatch.setattr(provenance, "ROOT", root)
    monkeypatch.setattr(provenance, "__file__", str(module))
    code_version.cache_clear()
    yield root
    code_version.cache_clear()


def test_records_the_commit_and_whether_code_was_changed(repository):
    git(repository, "init", "-q")
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "first")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repository, capture_output=True, text=True, check=True)
    assert (code_version()["commit"], code_version()["dirty"]) == (head.stdout.strip(), False)
    (repository / "notes.txt").write_text("no code")
    code_version.cache_clear()
    assert code_version()["dirty"] is False
    (repository / "methods").mkdir()
    (repository / "methods/new.py").write_text("")
    code_version.cache_clear()
    assert code_version()["dirty"] is True


def test_works_outside_git(repository):
    assert (code_version()["commit"], code_version()["dirty"]) == (None, None)


def test_works_without_git(repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert (code_version()["commit"], code_version()["dirty"]) == (None, None)


def test_an_installed_copy_is_not_of_the_repository_around_it(repository):
    git(repository, "init", "-q")
    (repository / "other.txt").write_text("")
    git(repository, "add", "other.txt")
    git(repository, "commit", "-qm", "without the project")
    assert code_version()["commit"] is None

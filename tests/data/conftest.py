"""A project folder of its own for each test, with dataset configs and archives in it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from named_patients import PATIENTS, SETTINGS, patient
from small_datasets import write_config
from tracked import dvc

from benchmark.archives.retrieval import versioning
from benchmark.runtime import paths
from benchmark.runtime.code_digest import ROOT


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty project, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    paths.DATASET_CONFIG.mkdir(parents=True)
    return tmp_path


@pytest.fixture
def dataset(project) -> Callable[..., Path]:
    """Writes the config of a dataset for a reader, with changes; returns where its archive belongs."""
    return write_config


@pytest.fixture
def repository(project, monkeypatch) -> Path:
    """A project under DVC, without git and without any remote."""
    monkeypatch.delenv(versioning.REMOTE_VARIABLE, raising=False)
    inner = project / "project"
    inner.mkdir()
    shutil.move(project / "config", inner / "config")
    monkeypatch.chdir(inner)
    dvc("init", "--no-scm", "--quiet")
    shutil.copy(ROOT / ".dvcignore", inner)
    return inner


@pytest.fixture
def msseg(dataset) -> Callable[..., Path]:
    """Writes the config of an archive whose folders and headers name people, with changes, and the archive."""

    def write(**changes: object) -> Path:
        root = dataset("mini", "msseg", **{**SETTINGS, **changes})
        for name in PATIENTS:
            patient(root, name)
        return root

    return write

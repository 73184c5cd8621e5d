"""A project folder of its own for each test, with dataset configs and archives in it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from named_patients import PATIENTS, SETTINGS, patient
from small_datasets import BASE, MRI
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

    def write(name: str, reader: str, **changes: Any) -> Path:
        base = dict(BASE[reader])
        content = {
            "title": name,
            "reader": reader,
            "split": {"protocol": "holdout"},
            "preparation": MRI,
            "training": {"crop": [16, 16], "batch_size": 2},
            "class_weights": {"background": 0.5, "foreground": 0.5},
            **base,
            "domains": {code: {"title": code} for code in base["domains"]},
            **changes,
        }
        (paths.DATASET_CONFIG / f"{name}.yaml").write_text(yaml.safe_dump(content))
        return paths.raw(name)

    return write


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

from pathlib import Path

import pytest

from benchmark.pipeline.jobs import Job, jobs_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def jobs(tmp_path, monkeypatch, config) -> list[Job]:
    """Jobs of the smoke benchmark, in a folder without a run."""
    (tmp_path / "config").symlink_to(ROOT / "config")
    (tmp_path / "dvc.yaml").symlink_to(ROOT / "dvc.yaml")
    monkeypatch.chdir(tmp_path)
    return jobs_of(config, {name: ["a", "b"] for name in config.datasets})

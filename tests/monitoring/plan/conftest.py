from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch) -> Path:
    """A folder with configs, without data and results."""
    for name in ("config", "dvc.yaml", "dvc.lock", "methods", "workflow"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/full").symlink_to(ROOT / "data/full")
    (tmp_path / "data/sources").symlink_to(ROOT / "data/sources")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/templates").symlink_to(ROOT / "reports/templates")
    monkeypatch.chdir(tmp_path)
    return tmp_path

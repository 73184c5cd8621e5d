"""DVC finds what this repository tracks."""

from pathlib import Path

from dvc.repo import Repo

ROOT = Path(__file__).parents[2]


def test_no_ignored_folder_hides_an_archive_from_dvc():
    """Git ignores the archives and not their folder; DVC looks for nothing in a folder that git ignores."""
    pointers = sorted((ROOT / "data/raw").glob("*.dvc"))
    assert pointers
    with Repo(str(ROOT)) as repo:
        assert {str(path) for path in pointers} <= {stage.path for stage in repo.index.stages}

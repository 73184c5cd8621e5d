"""DVC finds what this repository tracks, and tracks archives wherever it can."""

from pathlib import Path

import pytest
from archives import ixi
from tracked import dvc
from typer.testing import CliRunner

from benchmark.archives.retrieval.fetch import fetch
from benchmark.cli.app import app
from benchmark.runtime.errors import DataError

ROOT = Path(__file__).parents[2]


def test_no_ignored_folder_hides_an_archive_from_dvc():
    """Git ignores the archives and not their folder; DVC looks for nothing in a folder that git ignores."""
    from dvc.repo import Repo

    pointers = sorted((ROOT / "data/raw").glob("*.dvc"))
    assert pointers
    with Repo(str(ROOT)) as repo:
        assert {str(path) for path in pointers} <= {stage.path for stage in repo.index.stages}


@pytest.mark.parametrize("surrounding", [None, "data/\n"])
def test_a_copy_without_git_is_tracked(repository, dataset, monkeypatch, surrounding):
    """Downloaded as a zip file, alone or inside of another repository, which ignores the data."""
    from dulwich.repo import Repo

    Path(".dvc/config").write_text("")  # as the project's: nothing about git
    monkeypatch.setenv("PATH", "")  # no git program
    if surrounding:
        Repo.init(str(repository.parent))
        (repository.parent / ".gitignore").write_text(surrounding)
    ixi(dataset("mini", "ixi"), NAMES)
    tracked = CliRunner().invoke(app, ["data", "track", "mini"], catch_exceptions=False)
    assert tracked.exit_code == 0, tracked.output
    fetch("mini")


NAMES = [f"IXI{n}01-{site}-0001-T1" for n, site in ((1, "IOP"), (2, "HH"), (3, "IOP"), (4, "HH"))]


@pytest.mark.parametrize("linked", ["data/raw/mini", "data"])
def test_an_archive_behind_a_link_is_refused_before_it_is_read(repository, dataset, monkeypatch, linked):
    ixi(dataset("mini", "ixi"), NAMES)
    Path(linked).rename("elsewhere")
    Path(linked).symlink_to(Path("elsewhere").absolute())
    monkeypatch.setattr("benchmark.archives.report.check_archive", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(DataError, match=rf"^{linked}: is a symbolic link \(to .*/elsewhere\)") as caught:
        CliRunner().invoke(app, ["data", "track", "mini"], catch_exceptions=False)
    assert "dvc cache dir --local" in caught.value.remedy


def test_dvc_keeps_what_it_tracks_where_it_is_told(repository, dataset, tmp_path):
    """As docs/real-data.md and the refusal of a link say: the files are links, read and verified like files."""
    root = ixi(dataset("mini", "ixi"), NAMES)
    dvc("cache", "dir", "--local", str(tmp_path / "big"))
    dvc("config", "--local", "cache.type", "symlink")
    tracked = CliRunner().invoke(app, ["data", "track", "mini"])
    assert tracked.exit_code == 0, tracked.output
    assert {path.resolve().is_relative_to(tmp_path / "big") for path in (root / "IXI-T1").iterdir()} == {True}
    fetch("mini")

"""Any character may stand in a path, a file name or a title: each place that shows, packs or hands them on keeps it."""

import json
import shlex
import tarfile
import zipfile
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import pytest
from archives import damage, ixi, retouch_volume, save
from tracked import dvc
from typer.testing import CliRunner

from benchmark.archives.formats import metaimage, nifti
from benchmark.archives.formats.packed import open_packed
from benchmark.archives.retrieval.fetch import fetch
from benchmark.cli.app import app
from benchmark.config.load import load_dataset
from benchmark.reporting import style
from benchmark.reporting.quality.page import render
from benchmark.runtime.errors import DataError, UserError
from benchmark.runtime.text import one_line

NAMES = ["[bold]x", "{x}", "$x_1$", ":warning:", "100 %s", """a 'b' "c" """, "a\nb", "<b>&amp;", "äλ漢", "-x*?"]
SCANS = [f"IXI{n}01-{site}-0001-T1" for n, site in ((1, "IOP"), (2, "HH"), (3, "IOP"), (4, "HH"))]


def said(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["data", *arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.stdout


def squeezed(text: str) -> str:
    """A table breaks long titles."""
    return "".join(text.split())


def in_the_table_of_an_archive(name: str, dataset: Callable[..., Path]) -> None:
    dataset("mini", "ixi", title=f"{name}[/x]", domains={code: {"title": name} for code in ("GE", "PL")})
    root = ixi(Path(name), SCANS)
    printed = squeezed(said("check", "mini", "--", str(root)))
    assert squeezed(f"{name}[/x]: {root}") in printed
    assert all(squeezed(line) in printed for line in f"{name} (GE)".splitlines())


def in_a_fault_of_a_file(name: str, dataset: Callable[..., Path]) -> None:
    dataset("mini", "ixi")
    root = ixi(Path(name), SCANS)
    damage(root / f"IXI-T1/{SCANS[0]}.nii.gz")
    lines = said("check", "--voxels", "mini", "--", str(root), code=2).splitlines()
    assert any(line.startswith(one_line(f"fault: {root}/IXI-T1/{SCANS[0]}.nii.gz: is damaged")) for line in lines)


def in_json(name: str, dataset: Callable[..., Path]) -> None:
    dataset("mini", "ixi")
    assert json.loads(said("check", "--json", "mini", "--", str(ixi(Path(name), SCANS))))["path"] == str(Path(name))


def in_the_path_of_an_image(name: str, dataset: Callable[..., Path]) -> None:
    data = np.arange(60.0).reshape(3, 4, 5)
    np.testing.assert_array_equal(nifti.read_volume(save(Path(f"{name}.nii.gz"), data)).data, data)
    retouch_volume(Path("plain"), "Cirrus", 1)
    header = Path("plain").rename(name) / "RETOUCH-TrainingSet-Cirrus/TRAIN001/oct.mhd"
    renamed = header.with_name(f"{name}.raw".replace("\n", " "))  # a header has one line a field
    header.with_name("oct.raw").rename(renamed)
    header.write_text(header.read_text().replace("oct.raw", renamed.name))
    assert metaimage.read_volume(header).data.shape == (16, 32, 6)


def in_packed_archives(name: str, dataset: Callable[..., Path]) -> None:
    Path("file").write_bytes(b"content")
    with zipfile.ZipFile(f"{name}.zip", "w") as packed:
        packed.write("file", f"{name}/{name}")
    with tarfile.open(f"{name}.tar", "w") as packed:
        packed.add("file", f"{name}/{name}")
    for suffix in (".zip", ".tar"):
        (folder,) = open_packed(Path(f"{name}{suffix}")).iterdir()
        (member,) = folder.iterdir()
        assert (member.name, member.read_bytes()) == (name, b"content")


def in_a_command_of_a_remedy(name: str, dataset: Callable[..., Path]) -> None:
    path = Path(f"{name}.tar.gz")
    with tarfile.open(path, "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("x"))
    with pytest.raises(DataError) as caught:
        open_packed(path)
    if name.isprintable():  # others can be read only
        command = caught.value.remedy.partition("Uncompress it: ")[2]
        assert shlex.split(command) == ["gunzip", path.name]


def in_archives_that_dvc_tracks(name: str, dataset: Callable[..., Path]) -> None:
    dvc("init", "--no-scm", "--quiet")
    root = ixi(dataset("mini", "ixi"), SCANS)
    (root / f"{name}.txt").write_bytes(b"a notice")
    said("track", "mini")
    fetch("mini")


def in_messages(name: str, dataset: Callable[..., Path]) -> None:
    message = str(UserError(Path(name), f"is not {name}", f"Remove {name}"))
    assert message.isprintable()
    assert one_line(name) in message


def in_pages_and_pictures(name: str, dataset: Callable[..., Path]) -> None:
    dataset("mini", "ixi", title=name, domains={code: {"title": name} for code in ("GE", "PL")})
    assert escape(name).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in render(load_dataset("mini"), [], [])
    with style.styled():
        made = style.figure(1.0)
        made.suptitle(name.replace("\n", " "))
        style.save(made, [Path("title.png"), Path("title.pdf")])


PLACES = [
    in_the_table_of_an_archive,
    in_a_fault_of_a_file,
    in_json,
    in_the_path_of_an_image,
    in_packed_archives,
    in_a_command_of_a_remedy,
    in_archives_that_dvc_tracks,
    in_messages,
    in_pages_and_pictures,
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_any_character(project, dataset, place, name):
    place(name, dataset)

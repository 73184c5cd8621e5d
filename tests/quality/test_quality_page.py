"""The page, its pictures and tables; and that it proposes what is flagged, and nothing else."""

import csv
import re

import pooled_work
import pytest
import yaml
from matplotlib.figure import Figure
from prepared_balls import CLEAN

from benchmark.archives.measures import MEASURES
from benchmark.config.load import load_dataset
from benchmark.reporting.quality import report, sheet
from benchmark.reporting.quality.flags import Scored, flags
from benchmark.reporting.quality.page import render
from benchmark.reporting.quality.report import make_quality
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError, UserError

FAULTS = {
    "AA6": ({"k_space": 0.7}, "ringing: k-space is cut off"),
    "AA7": ({"ripple": 3.0}, "ringing: a periodic ripple"),
    "AA8": ({"brightness": 4000.0}, "intensity: bright"),
    "AA9": ({"brain": 300.0}, "tiny mask"),
    "BB6": ({"overlap": 0.6}, "registration: little overlap"),
}


def all_subjects() -> dict[str, dict[str, float]]:
    clean = {f"{domain}{i}": CLEAN for domain in ("AA", "BB") for i in range(6)}
    return dict(sorted({**clean, **{s: {**CLEAN, **values} for s, (values, _) in FAULTS.items()}}.items()))


def page_of(measures: dict[str, dict[str, float]]) -> str:
    config = load_dataset("balls")
    scored = [Scored(s, s[:2], values) for s, values in measures.items()]
    return render(config, scored, flags(MEASURES["mri"], scored))


def draw_here(monkeypatch):
    """Draws in this process: what processes draw, and one that is killed, are looked at elsewhere."""
    monkeypatch.setattr(report, "run_parallel", lambda call, todo, *_, **__: [call(*each) for each in todo])


def test_each_fault_has_its_reason_and_the_clean_have_none(prepared, monkeypatch):
    draw_here(monkeypatch)
    monkeypatch.setattr(sheet, "draw_sheet", lambda *_: Figure((1, 1)))  # tests of sheets look at these
    prepared(all_subjects())
    make_quality("balls", 1)
    folder = paths.quality("balls")
    with (folder / "flags.csv").open() as file:
        found = {row["subject"]: row["reason"] for row in csv.DictReader(file)}
    assert found == {subject: reason for subject, (_, reason) in FAULTS.items()}
    with (folder / "measures.csv").open() as file:
        assert [row["subject"] for row in csv.DictReader(file)] == list(all_subjects())
    page = (folder / "index.html").read_text()
    pictures = re.findall(r'<img src="([^"]+)"', page)
    assert len(pictures) == 1 + len(all_subjects())
    assert all((folder / picture).is_file() for picture in pictures)
    assert page.count('loading="lazy"') == len(all_subjects())


def test_flagged_subjects_come_first(prepared):
    prepared({})
    page = page_of(all_subjects())
    order = re.findall(r'<figure id="(\w+)"', page)
    assert set(order[: len(FAULTS)]) == set(FAULTS)
    assert sorted(order) == list(all_subjects())


def test_the_proposal_can_be_pasted_and_keeps_whom_the_config_excludes(prepared):
    prepared({}, exclude=["0012"])
    page = page_of(all_subjects())
    line = re.search(r"<pre>(exclude: .*)</pre>", page)[1].replace("&#34;", '"')
    assert yaml.safe_load(line) == {"exclude": ["0012", *FAULTS]}
    assert "Flags are proposals" in page


def test_with_pseudonyms_no_id_of_the_archive_is_on_the_page(prepared):
    prepared({}, exclude=["SACHS"], pseudonyms=True)
    page = page_of(all_subjects())
    line = re.search(r"<pre>(exclude: .*)</pre>", page)[1].replace("&#34;", '"')
    assert yaml.safe_load(line) == {"exclude": list(FAULTS)}
    assert "SACHS" not in page
    assert f"{paths.private('balls')} lists by pseudonym" in re.sub("<[^>]+>", "", page)


def test_without_flags_there_is_no_proposal(prepared):
    prepared({})
    page = page_of({f"AA{i}": CLEAN for i in range(6)})
    assert "No subject is flagged" in page
    assert "<pre>" not in page


def test_too_few_subjects_are_said_to_be_too_few(prepared):
    prepared({})
    assert "AA has 3 subjects, fewer than 5" in page_of({f"AA{i}": CLEAN for i in range(3)})
    assert "fewer than" not in page_of({f"AA{i}": CLEAN for i in range(5)})


def test_what_was_not_measured_is_a_dash_and_titles_are_escaped(prepared):
    prepared({})
    page = page_of({"AA0": CLEAN, "AA1": {k: v for k, v in CLEAN.items() if k != "k_space"}})
    assert "<td>–</td>" in page
    assert "Balls &lt;of&gt; wool" in page
    assert "Mismatch" not in page  # no subject has it


@pytest.mark.processes
def test_the_same_subjects_give_the_same_files_with_any_number_of_processes(prepared, monkeypatch):
    folder = prepared({"AA1": CLEAN, "BB1": {**CLEAN, "brain": 300.0}})

    def contents(jobs: int) -> dict[str, bytes]:
        make_quality("balls", jobs)
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    with monkeypatch.context() as patch:
        draw_here(patch)
        first = contents(1)
    assert set(first) == {
        "index.html", "flags.csv", "measures.csv", "measures.png", "sheets/AA1.webp", "sheets/BB1.webp",
    }  # fmt: skip
    assert contents(2) == first


def test_a_damaged_volume_is_one_message_and_leaves_no_page(prepared, monkeypatch):
    draw_here(monkeypatch)
    folder = prepared({"AA1": CLEAN, "AA2": CLEAN})
    (paths.subject("balls", "AA2") / "image.nii.gz").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"AA2/image.nii.gz"):
        make_quality("balls", 1)
    assert not folder.exists()


@pytest.mark.processes
def test_a_killed_process_is_one_message_and_leaves_no_page(prepared, monkeypatch):
    folder = prepared({"AA1": CLEAN, "AA2": CLEAN})
    monkeypatch.setattr(report, "_draw_one", pooled_work.die)
    with pytest.raises(UserError, match=r"quality/balls: one of .* was killed.* --set-threads inspect=1; .* 2\)"):
        make_quality("balls", 2)
    assert list(folder.parent.iterdir()) == []

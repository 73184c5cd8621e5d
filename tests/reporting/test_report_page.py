import json
import re
from html.parser import HTMLParser

import fake_benchmark as fake
import pytest

from benchmark.reporting.files import figure_items, leaderboard_path, page_path, table_items
from benchmark.reporting.origin import coverage, provenance
from benchmark.runtime.errors import DataError
from benchmark.runtime.paths import Cell


class Elements(HTMLParser):
    """Ids, links and images of a page."""

    VOID = ("meta", "img", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found[key] for key in ("href", "src") if key in found]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(rendered):
    return page_path(rendered).read_text()


def test_page_is_self_contained_and_every_link_leads_somewhere(page, rendered):
    found = Elements(page)
    assert not found.open
    assert len(set(found.ids)) == len(found.ids)
    for target in found.targets:
        if target.startswith("#"):
            assert target[1:] in found.ids
        else:
            assert (page_path(rendered).parent / target).is_file(), target
    assert "<script" not in page
    assert "url(" not in page
    assert not re.search(r"(href|src)=\"(https?:|/)", page)


def test_page_shows_every_table_and_figure(page, rendered):
    found = Elements(page)
    for item in (*table_items(rendered), *figure_items(rendered)):
        assert item.key in found.ids
    for item in figure_items(rendered):
        assert f"figures/{item.key}.png" in found.targets
        assert f"figures/{item.key}.pdf" in found.targets


def test_page_says_where_numbers_come_from(page):
    for text in ("commit 0123456789abcdef, with uncommitted changes", "c0ffee", "no GPU", "numpy 2.2", "512 MiB"):
        assert text in page


def test_page_prints_and_reads_in_the_dark(page):
    assert "@media print" in page
    assert "prefers-color-scheme: dark" in page


def test_heads_of_text_stand_over_it(page):
    """Text is aligned left, head and cells alike; numbers are aligned right."""
    assert '<th scope="col" class="text">reason</th>' in page
    assert f'<td class="text">{fake.SPARSE}</td>' in page
    assert "style=" not in page


def test_names_of_a_wide_table_stay_in_sight(page):
    rule = re.search(r'th\[scope="row"\], thead tr > :first-child \{([^}]*)\}', page)
    assert rule is not None
    assert "position: sticky" in rule[1]


def test_leaderboard_has_a_page_of_its_own(rendered):
    found = Elements(leaderboard_path(rendered, "html").read_text())
    assert "leaderboard" in found.ids
    assert "Segmentation-renormalized, proposed" in leaderboard_path(rendered, "md").read_text()


def test_no_character_of_a_report_is_unknown_to_latex(rendered):
    files = [leaderboard_path(rendered, "tex"), *leaderboard_path(rendered, "tex").parent.glob("tables/*.tex")]
    assert len(files) > 5
    assert not [f.name for f in files if "(U+" in f.read_text()]


def test_coverage_names_every_cell_without_numbers(results):
    found = coverage(results)
    assert (found.done, found.expected) == (40 - 7, 40)
    reasons = {cell.name: (cell.status, cell.reason) for cell in found.missing}
    assert reasons["msseg, SA → PI, fold 0, cyclegan, seed 0"] == ("failed", fake.DIVERGED)
    assert reasons["msseg, SA → SV, fold 2, semgan, seed 0"] == ("skipped", fake.SPARSE)


def test_coverage_names_cells_that_left_no_row(results):
    from benchmark.reporting.results import Results

    table = results.table
    gone = table["dataset"].eq("retouch") & table["method"].eq("segrenorm")
    found = coverage(Results(results.config, table[~gone]))
    assert ("retouch, CR → SP, fold 0, segrenorm, seed 0", "missing") in [(c.name, c.status) for c in found.missing]


def test_a_damaged_record_is_one_message(results, config, monkeypatch, tmp_path):
    monkeypatch.setattr("benchmark.reporting.origin.cells", lambda _: [Cell("b", "d", "A", "B", 0, "m", 0)])
    run = Cell("b", "d", "A", "B", 0, "m", 0).run
    monkeypatch.chdir(tmp_path)
    assert provenance(config, results) == {"Records": ["no cell has a record of its provenance"]}
    run.parent.mkdir(parents=True)
    run.write_text(json.dumps({"cell": 1})[:-3])
    with pytest.raises(DataError, match=r"run\.json: is damaged"):
        provenance(config, results)

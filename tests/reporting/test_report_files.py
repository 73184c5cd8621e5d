from pathlib import Path

import fake_benchmark as fake
import pytest

from benchmark.reporting import captions
from benchmark.reporting.files import figure_files, figure_items, page_path, table_files, table_items
from benchmark.runtime import paths


def test_files_listed_before_anything_ran_are_the_files_made(rendered):
    listed = {f.path for f in (*table_files(rendered), *figure_files(rendered))} | {page_path(rendered)}
    made = {p for p in paths.report(rendered.benchmark).rglob("*") if p.is_file()}
    assert made == listed
    assert all(p.stat().st_size > 100 for p in made)


def test_files_are_listed_without_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = fake.Tree(datasets=("ixi_phantom",))
    path = paths.DATASET_CONFIG / "ixi_phantom.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(fake.dataset_yaml("ixi_phantom"))
    keys = [f.path.name for f in figure_files(fake.config(tree)) if f.path.suffix == ".pdf"]
    assert keys == [
        "figure-1.pdf",
        "figure-8-ixi_phantom.pdf",
        "figure-9a.pdf",
        "figure-9b-ixi_phantom-GE-PL.pdf",
        "figure-s1-ixi_phantom.pdf",
    ]


def test_names_of_outputs_are_unique_identifiers(config):
    for files in (table_files(config), figure_files(config)):
        names = [f.name for f in files]
        assert len(set(names)) == len(names)
        assert all(name.isidentifier() for name in names)


def test_datasets_outside_the_papers_families_have_numbers_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(fake.DATASETS, "other", {**fake.DATASETS["ixi_phantom"], "family": None})
    path = paths.DATASET_CONFIG / "other.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(fake.dataset_yaml("other"))
    config = fake.config(fake.Tree(datasets=("other",)))
    assert "table-s2-other" in [i.key for i in table_items(config)]
    assert "figure-s2-other" in [i.key for i in figure_items(config)]


def test_every_kind_has_a_caption_and_every_caption_a_kind(config):
    kinds = {item.kind for item in (*table_items(config), *figure_items(config))} | {"leaderboard"}
    assert {p.stem for p in captions.FOLDER.glob("*.rst")} == kinds
    embedded = {f.caption for f in (*table_files(config), *figure_files(config)) if f.caption}
    assert embedded <= {f"{kind}.rst" for kind in kinds}


@pytest.mark.parametrize("path", sorted(captions.FOLDER.glob("*.rst")), ids=lambda p: p.stem)
def test_captions_are_plain_text_that_snakemake_and_the_page_both_show(path: Path):
    text = path.read_text(encoding="utf-8")
    assert not set("*`|<{}_") & set(text.replace("p < 0.05", ""))
    assert len(captions.paragraphs(path.stem)) == 2, "what is shown, then how to read it"

"""Configs of datasets."""

from pathlib import Path

import pytest
import yaml

from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.runtime.errors import ConfigError

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def in_project(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "config/datasets").glob("*.yaml")))
def test_dataset_configs_are_valid_and_named_like_their_files(name):
    assert load_dataset(name).name == name


@pytest.mark.parametrize("modality", ["T1w MRI", "T2w MRI", "PDw MRI", "FLAIR MRI", "OCT"])
def test_a_dataset_may_be_of_any_usual_contrast(modality):
    content = load_dataset("ixi").model_dump()
    assert DatasetConfig.model_validate({**content, "modality": modality}).modality == modality


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        ("preparation", {"n4_level": 3}, "key 'preparation.n4_level' is unknown, did you mean 'n4_levels'? Correct"),
        ("preparation", {"b_scan": 3}, "key 'preparation.b_scan' is unknown, known are brain_extraction"),
        ("split", {"train_fractions": 0.5}, "key 'split.train_fractions' is unknown, did you mean 'train_fraction'?"),
        (
            "split",
            {"folds": 2},
            "key 'split.folds' is unknown, did you mean 'datasets.*.folds' of a benchmark (config/)?",
        ),
        ("split", {"n4_levels": 2}, "key 'split.n4_levels' is unknown, did you mean 'preparation.n4_levels'?"),
        ("preparation", {"b_scans": [1, 2]}, "key 'preparation.b_scans' is unknown, known are brain_extraction"),
        ("split", {"protocol": "holdut"}, "key 'split.protocol' is 'holdut', did you mean 'holdout'?"),
        ("preparation", {"kind": None}, "key 'preparation.kind' is"),
        ("preparation", {"slice_range": [5, 1]}, "key 'preparation.slice_range': the lower end must come first"),
    ],
)
def test_faults_where_a_key_chooses_the_model(tmp_path, part, change, said):
    content = yaml.safe_load((ROOT / "config/datasets/ixi.yaml").read_text())
    content[part].update(change)
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError) as caught:
        load_dataset("x", tmp_path)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "ftp://owner.example/IXI-T1.tar"}, "key 'archive.download.url'"),
        ({"url": "http://owner.example/folder/"}, "key 'archive.download.url'"),
        ({"url": "http://owner.example/IXI-T1.tar?session=1"}, "key 'archive.download.url'"),
        ({"url": "http://owner.example"}, "key 'archive.download.url'"),
        ({"md5": "34901a"}, "key 'archive.download.md5'"),
        ({"sha": "0"}, "key 'archive.download.sha' is unknown"),
    ],
)
def test_faults_of_a_public_file(tmp_path, change, said):
    content = yaml.safe_load((ROOT / "config/datasets/ixi.yaml").read_text())
    content["archive"]["download"].update(change)
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError) as caught:
        load_dataset("x", tmp_path)
    assert said in str(caught.value)


def test_an_archive_is_downloaded_in_one_way(tmp_path):
    content = yaml.safe_load((ROOT / "config/datasets/ixi.yaml").read_text())
    content["archive"]["sources"] = "data/sources/oasis_ixi.csv"
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="sources and download cannot both be given"):
        load_dataset("x", tmp_path)


def test_a_dataset_is_named_by_its_file(tmp_path):
    (tmp_path / "a.yaml").write_text("name: b\n")
    with pytest.raises(ConfigError, match="key 'name' is unknown"):
        load_dataset("a", tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": {"lesion": 1}}, "with preparation.tissue: hmrf, labels must be"),
        ({"split": {"protocol": "leave_one_out", "folds": 10**9}}, "split.folds"),
        (
            {"domains": {"GE": {"title": "a", "published_shape": [-1, 2, 3]}, "PL": {"title": "b"}}},
            r"domains.GE.published_shape.0",
        ),
        ({"domains": {"ge": {"title": "a"}, "PL": {"title": "b"}}, "pairs": ["ge-PL"]}, r"domains.ge"),
    ],
)
def test_a_dataset_that_nothing_could_be_made_of(tmp_path, changes, said):
    content = yaml.safe_load((ROOT / "config/datasets/ixi.yaml").read_text())
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**content, **changes}))
    with pytest.raises(ConfigError, match=said):
        load_dataset("x", tmp_path)


def test_names_of_labels_are_words(tmp_path):
    content = yaml.safe_load((ROOT / "config/datasets/ixi.yaml").read_text())
    (tmp_path / "x.yaml").write_text(yaml.safe_dump({**content, "labels": {"../x": 1}}))
    with pytest.raises(ConfigError, match=r"labels.\.\./x"):
        load_dataset("x", tmp_path)


def test_slices_outside_the_template_are_refused(tmp_path):
    dataset = {"extends": "ixi_phantom", "preparation": {"slice_range": [300, 310]}}
    for name in ("ixi", "ixi_phantom"):
        (tmp_path / f"{name}.yaml").write_text((ROOT / f"config/datasets/{name}.yaml").read_text())
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(dataset))
    with pytest.raises(ConfigError, match=r"slice_range.*less than or equal to 116"):
        load_dataset("x", tmp_path)


def test_a_dataset_replaces_the_split_of_another_protocol_and_removes_keys_with_null(tmp_path):
    for name in ("retouch", "retouch_phantom", "msseg", "msseg_phantom_standard", "msseg_phantom"):
        (tmp_path / f"{name}.yaml").write_text((ROOT / f"config/datasets/{name}.yaml").read_text())
    assert load_dataset("retouch", tmp_path).split.protocol == "holdout"
    assert load_dataset("retouch_phantom", tmp_path).split.protocol == "cross_validation"
    assert set(load_dataset("msseg_phantom_standard", tmp_path).domains) == {"SA", "SV", "PI"}
    assert set(load_dataset("msseg_phantom", tmp_path).domains) == {"SA", "PI"}


@pytest.mark.parametrize(
    ("archive", "other"), [("ixi", {"brain_extraction", "mask_closing"}), ("msseg", set()), ("retouch", set())]
)
def test_a_full_phantom_is_prepared_as_its_archive(archive, other):
    real, phantom = load_dataset(archive).model_dump(), load_dataset(f"{archive}_phantom_full").model_dump()
    assert {key for key in real if real[key] != phantom[key]} - {"preparation"} == {
        "name",
        "title",
        "phantom",
        "archive",
    }
    mine, theirs = phantom["preparation"], real["preparation"]
    assert {key for key in theirs if theirs[key] != mine[key]} == other

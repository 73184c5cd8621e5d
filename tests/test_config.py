"""Configs: strict, bounded, with messages that help."""

import copy
from pathlib import Path

import pytest
import yaml

from benchmark.config.load import load_dataset, read_yaml
from benchmark.pipeline.resolve import load_benchmark
from benchmark.runtime.errors import ConfigError

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def in_project(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture
def demo() -> dict:
    return copy.deepcopy(yaml.safe_load((ROOT / "config/demo.yaml").read_text()))


@pytest.mark.parametrize("name", sorted({p.stem for p in (ROOT / "config").glob("*.yaml")} - {"claims"}))
def test_benchmark_configs_are_valid_and_named_like_their_files(name):
    assert load_benchmark(ROOT / f"config/{name}.yaml").benchmark == name


def refused(content: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        load_benchmark(content)
    return str(caught.value)


def test_misspelt_key_is_refused_with_the_nearest_known_one(demo):
    demo["trainig"] = demo["training"]
    assert "key 'trainig' is unknown, did you mean 'training'?" in refused(demo)


def test_misspelt_nested_key_is_refused_with_the_nearest_known_one(demo):
    demo["judges"]["autoencoder"]["schedule"]["decays"] = 3
    assert "key 'judges.autoencoder.schedule.decays' is unknown, did you mean 'decay'?" in refused(demo)


@pytest.mark.parametrize(
    ("place", "key", "meant"),
    [
        (("training",), "checkpoint_every", "'checkpoint_every' at the top?"),
        (("datasets", "msseg_phantom"), "width", "'training.width' or 'judges.autoencoder.width' or"),
        (("judges", "segmentor"), "folds", "'datasets.*.folds'?"),
        ((), "pseudonyms", "'pseudonyms' of a dataset (config/datasets/)?"),
        (("training",), "exclude", "'exclude' of a dataset (config/datasets/)?"),
    ],
)
def test_key_in_the_wrong_place_is_refused_with_the_right_one(demo, place, key, meant):
    inner = demo
    for part in place:
        inner = inner[part]
    inner[key] = 1
    assert f"key '{'.'.join((*place, key))}' is unknown, did you mean {meant}" in refused(demo)


def test_one_fault_is_told_once(demo):
    demo["seeds"] = [-1]
    assert refused(demo).startswith("config: key 'seeds.0': input should be greater than or equal to 0 (given: -1). ")


def test_misspelt_key_under_a_mapping_of_names(demo):
    demo["datasets"]["msseg_phantom"]["fold"] = [0]
    assert "key 'datasets.msseg_phantom.fold' is unknown, did you mean 'folds'?" in refused(demo)


def test_impossible_value_names_key_bound_and_value(demo):
    demo["training"]["width"] = -3
    message = refused(demo)
    assert "key 'training.width'" in message
    assert "greater than or equal to 4" in message
    assert "-3" in message


def test_unknown_method(demo):
    demo["methods"]["cyclegann"] = {}
    assert "method 'cyclegann' is unknown, did you mean 'cyclegan'?" in refused(demo)


def test_unknown_hyperparameter(demo):
    demo["methods"]["segrenorm"] = {"lambda_cycle": 5}
    message = refused(demo)
    assert "method segrenorm" in message
    assert "lambda_cycle" in message


def test_unknown_metric(demo):
    demo["metrics"]["kidd"] = {}
    assert "metric 'kidd' is unknown, did you mean 'kid'?" in refused(demo)


def test_unknown_dataset(demo):
    demo["datasets"]["ixi_phantm"] = {}
    message = refused(demo)
    assert "config/datasets/ixi_phantm.yaml" in message
    assert "Did you mean 'ixi_phantom" in message


def test_unknown_pair(demo):
    demo["datasets"]["msseg_phantom"]["pairs"] = ["SV-SA"]
    assert "dataset msseg_phantom has no pair 'SV-SA'" in refused(demo)


def test_fold_that_does_not_exist(demo):
    demo["datasets"]["msseg_phantom"]["folds"] = [5]
    assert "has no fold 5" in refused(demo)


def test_faults_are_told_in_the_words_of_yaml(demo):
    demo["datasets"]["msseg_phantom"]["pairs"] = "SA-SV"
    demo["methods"] = ["cyclegan"]
    message = refused(demo)
    assert "key 'datasets.msseg_phantom.pairs': input should be a valid list (given: 'SA-SV')" in message
    assert "key 'methods': input should be a valid mapping" in message


def test_nothing_stands_twice(demo):
    demo["seeds"] = [0, 1, 0]
    demo["datasets"]["msseg_phantom"] = {"pairs": ["SA-SV", "SA-SV"], "folds": [0, 0]}
    message = refused(demo)
    assert "key 'seeds': 0 is given twice" in message
    assert "key 'datasets.msseg_phantom.pairs': SA-SV is given twice" in message
    assert "key 'datasets.msseg_phantom.folds': 0 is given twice" in message


def test_numbers_are_finite_and_trainings_have_steps(demo):
    demo["training"]["initial_std"] = float("inf")
    demo["judges"]["segmentor"]["schedule"] = {"unit": "steps", "constant": 0, "decay": 0}
    message = refused(demo)
    assert "key 'training.initial_std': input should be a finite number" in message
    assert "key 'judges.segmentor.schedule': constant and decay are both 0" in message


def test_the_folder_of_references_is_no_benchmark(demo):
    demo["benchmark"] = "reference"
    assert "'reference' is the folder of the reference leaderboards" in refused(demo)


def test_every_fault_is_named_at_once(demo):
    demo["training"]["width"] = 1
    demo["titel"] = "x"
    message = refused(demo)
    assert "titel" in message
    assert "training.width" in message


def test_proposed_method_must_be_among_the_methods(demo):
    del demo["methods"]["segrenorm"]
    assert "proposed method 'segrenorm'" in refused(demo)


def test_broken_yaml(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("a: [1,\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_benchmark(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 2020-13-45\n", "month must be in 1..12"),
        (f"a: {'[' * 3000}\n", "did not find expected node content"),
        (f"a: 1{'0' * 5000}\n", "Exceeds the limit"),
        ("[a, b]: 1\n", "unhashable key"),
        ("a: \0\n", "control characters are not allowed"),
    ],
    ids=["no date", "not closed", "a long number", "a list as key", "not text"],
)
def test_yaml_that_nothing_can_be_made_of(tmp_path, text, said):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"x.yaml: not valid YAML .*{said}"):
        load_benchmark(path)


def test_a_config_that_is_no_text(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"a: \xff\xfe\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_benchmark(tmp_path / "x.yaml")


def test_where_there_is_no_config_at_all_it_says_which_folder_to_be_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"^config/datasets/ixi\.yaml: there is no such .* in the clone's root, which"
    ):
        load_dataset("ixi")


def test_missing_file_names_the_ones_there():
    with pytest.raises(ConfigError, match="Did you mean 'demo'"):
        load_benchmark(ROOT / "config/demoo.yaml")


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x: {a: 1, a: 2}\n", "x:\n- a: 1\n  a: 2\n"])
def test_a_key_that_stands_twice_is_refused(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="key a is given twice"):
        read_yaml(path)


def test_a_merged_key_may_be_overridden(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("base: &base {a: 1, b: 2}\nx:\n  <<: *base\n  a: 3\n")
    assert read_yaml(path)["x"] == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("training", "width"), 100_000, "training.width"),
        (("datasets", "ixi_phantom", "training"), {"crop": [62, 64], "batch_size": 4}, "multiples of 16"),
        (
            ("datasets", "ixi_phantom", "training"),
            {"crop": [64, 8], "batch_size": 4},
            "datasets.ixi_phantom.training.crop.1",
        ),
        (
            ("datasets", "ixi_phantom", "training"),
            {"crop": [16, 16], "batch_size": 4},
            "crops of 16 x 16 pixels, as of dataset ixi_phantom, are too small for the networks of method cyclegan. "
            "Set 'training: crop' of the dataset to 16 x 32 or more",
        ),
        (("judges", "autoencoder", "batch_size"), 5, "judges.autoencoder.batch_size': input should be a multiple of 2"),
        (("judges", "segmentor", "schedule", "decay"), 10**9, "judges.segmentor.schedule.decay"),
        (("seeds",), [10**400], "seeds.0"),
        (("methods", "segrenorm"), {"embedding_dim": 10**6}, "method segrenorm: key 'embedding_dim'"),
        (("methods", "histogram_matching"), {"quantiles": 10**9}, "method histogram_matching: key 'quantiles'"),
        (("metrics", "sensitivity"), {"sigmas": [0, 0.2, 50]}, "metric sensitivity: key 'sigmas.2'"),
        (("metrics", "sensitivity"), {"sigmas": [i / 1000 for i in range(300)]}, "metric sensitivity: key 'sigmas'"),
    ],
)
def test_sizes_that_nothing_can_be_computed_with_are_refused(demo, path, value, said):
    *above, last = path
    part = demo
    for key in above:
        part = part[key]
    part[last] = value
    assert said in refused(demo)


@pytest.mark.parametrize(
    ("path", "value"),
    [(("training", "width"), True), (("seeds",), [True]), (("judges", "segmentor", "learning_rate"), True)],
)
def test_true_is_no_number(demo, path, value):
    *above, last = path
    part = demo
    for key in above:
        part = part[key]
    part[last] = value
    assert f"{last}: must not be true or false (in YAML also yes, no, on or off)" in refused(demo)


def test_the_rehearsal_is_the_paper_on_phantoms_of_the_same_size():
    paper, rehearsal = (
        load_benchmark(ROOT / f"config/{name}.yaml").file.model_dump() for name in ("paper", "rehearsal")
    )
    paper["datasets"] = {f"{name}_phantom_full": use for name, use in paper["datasets"].items()}
    differ = {key for key in paper if paper[key] != rehearsal[key]}
    assert differ == {"benchmark", "title"}

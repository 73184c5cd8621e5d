"""The JSON schemas that editors check configs with."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from benchmark.pipeline.schemas import benchmark_schema, claims_schema, dataset_schema, write_schemas

ROOT = Path(__file__).parents[1]
CLAIMS = ROOT / "config/claims.yaml"
BENCHMARKS = sorted({*(ROOT / "config").glob("*.yaml")} - {CLAIMS})
DATASETS = sorted((ROOT / "config/datasets").glob("*.yaml"))
KINDS = {CLAIMS: "claims", **dict.fromkeys(BENCHMARKS, "benchmark"), **dict.fromkeys(DATASETS, "dataset")}


@pytest.fixture(scope="module")
def schemas() -> dict[str, dict]:
    return {"benchmark": benchmark_schema(), "dataset": dataset_schema(), "claims": claims_schema()}


def faults(schema: dict, content: dict) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(content)]


@pytest.mark.parametrize("name", ["benchmark", "dataset", "claims"])
def test_schemas_are_made_from_the_models(tmp_path, name):
    write_schemas(tmp_path)
    kept = ROOT / f"workflow/schemas/{name}.schema.json"
    assert kept.read_text() == (tmp_path / kept.name).read_text(), "run: hbench config --schemas workflow/schemas"


@pytest.mark.parametrize("name", ["benchmark", "dataset", "claims"])
def test_schemas_are_valid_themselves(schemas, name):
    Draft202012Validator.check_schema(schemas[name])


@pytest.mark.parametrize(("path", "name"), KINDS.items(), ids=lambda each: getattr(each, "stem", each))
def test_each_config_names_its_schema_and_keeps_to_it(schemas, path, name):
    key, _, place = path.read_text().partition("\n")[0].partition("=")
    assert key == "# yaml-language-server: $schema"
    assert (path.parent / place).resolve() == ROOT / f"workflow/schemas/{name}.schema.json"
    assert faults(schemas[name], yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("trainig",), {}),
        (("training", "width"), "wide"),
        (("datasets", "ixi_phantom", "pair"), ["GE-PL"]),
        (("methods", "cyclegann"), {}),
        (("methods", "segrenorm", "lambda_cycle"), 5),
        (("methods", "segrenorm", "embedding_dim"), 10**6),
        (("metrics", "kid", "subset"), 3),
    ],
)
def test_faults_of_a_benchmark_are_found(schemas, place, value):
    content = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    assert faults(schemas["benchmark"], content)


def test_a_method_or_metric_without_a_value_has_its_defaults(schemas):
    content = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    content["methods"]["cyclegan"] = content["metrics"]["kid"] = content["datasets"]["ixi_phantom"] = None
    assert faults(schemas["benchmark"], content) == []


@pytest.mark.parametrize("name", ["ixi", "ixi_phantom"])
@pytest.mark.parametrize("change", [{"readr": "ixi"}, {"preparation": {"n4_level": 3}}, {"name": "ixi"}])
def test_faults_of_a_dataset_are_found(schemas, name, change):
    content = yaml.safe_load((ROOT / f"config/datasets/{name}.yaml").read_text())
    assert faults(schemas["dataset"], {**content, **change})


def test_a_dataset_may_leave_keys_to_the_one_that_it_extends(schemas):
    assert faults(schemas["dataset"], {"extends": "ixi", "preparation": {"n4_levels": 3}}) == []

"""JSON schemas of the configs, by which editors complete and check them; made from the models themselves."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from benchmark.config.benchmark import BenchmarkFile
from benchmark.config.claims import Claims
from benchmark.config.dataset import DatasetConfig
from benchmark.methods import registry as methods
from benchmark.metrics import registry as metrics
from benchmark.runtime.atomic import write_atomically

Schema = dict[str, Any]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def write_schemas(folder: Path) -> None:
    """Writes a file ``<kind>.schema.json`` for each kind of config."""
    made = {"benchmark": benchmark_schema(), "dataset": dataset_schema(), "claims": claims_schema()}
    for name, schema in made.items():
        write_atomically(folder / f"{name}.schema.json", json.dumps(schema, indent=1, ensure_ascii=False) + "\n")


def benchmark_schema() -> Schema:
    """Of a file in ``config/``, with the options of every method and metric."""
    options: dict[str, dict[str, type[BaseModel]]] = {
        "methods": {name: methods.method_class(name).hyperparameters for name in methods.available()},
        "metrics": {name: metrics.metric_class(name).option_model for name in metrics.available()},
    }
    models: dict[type[BaseModel], None] = dict.fromkeys(
        [BenchmarkFile, *(model for named in options.values() for model in named.values())]
    )
    references, schema = models_json_schema([(model, "validation") for model in models])
    definitions = schema["$defs"]
    file = definitions.pop(BenchmarkFile.__name__)
    for key, named in options.items():
        # An empty value stands for the defaults.
        known = {name: {"anyOf": [references[model, "validation"], {"type": "null"}]} for name, model in named.items()}
        file["properties"][key] |= {"properties": known, "additionalProperties": False}
    uses = file["properties"]["datasets"]
    uses["additionalProperties"] = {"anyOf": [uses["additionalProperties"], {"type": "null"}]}
    return {"$schema": _DIALECT, **file, "title": "Benchmark", "$defs": definitions}


def dataset_schema() -> Schema:
    """Of a file in ``config/datasets/``. Any key may be missing, since the file may extend another."""
    schema = _part(DatasetConfig.model_json_schema())
    del schema["properties"]["name"]  # the file's name
    domains = schema["properties"]["domains"]["patternProperties"]
    for code, domain in domains.items():
        domains[code] = {"anyOf": [domain, {"type": "null"}]}  # null removes one of the extended dataset
    schema["properties"]["extends"] = {"type": "string", "description": "the dataset whose values this file changes"}
    return {"$schema": _DIALECT, **schema, "title": "Dataset"}


def claims_schema() -> Schema:
    """Of ``config/claims.yaml``."""
    return {"$schema": _DIALECT, **Claims.model_json_schema()}


def _part(schema: Any) -> Any:
    """The schema of a mapping that may lack any key."""
    if isinstance(schema, list):
        return [_part(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _part(value) for key, value in schema.items() if key not in ("discriminator", "minProperties")}
    if isinstance(kept.get("required"), list):
        del kept["required"]
    if "oneOf" in kept:  # what tells the alternatives apart may be missing
        kept["anyOf"] = kept.pop("oneOf")
    return kept

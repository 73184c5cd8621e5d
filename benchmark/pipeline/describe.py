"""The reference of all config keys (``docs/config.md``), made from the models."""

import typing
from enum import Enum
from types import NoneType, UnionType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from benchmark.config.benchmark import BenchmarkFile
from benchmark.config.claims import Claims
from benchmark.config.dataset import DatasetConfig

INTRODUCTION = """# Configs

This page is made by `hbench config > docs/config.md`, and a test compares it with the code. Unknown keys are refused.
Keys without a default must be given.

- A **benchmark** is a file in `config/`. Give it to Snakemake with `--configfile`, and single keys with `--config`.
- A **dataset** is a file in `config/datasets/`. With `extends: other` it inherits every key that it does not set.
- **Claims** of the paper are in `config/claims.yaml`; Table IX of a report has a verdict on each.
- Hyperparameters of a method stand under `methods: <name>:`, options of a metric under `metrics: <name>:`.
- Editors with a YAML language server complete and check configs by the JSON schemas that their first lines name
  (`hbench config --schemas workflow/schemas`).
"""


def describe() -> str:
    """The page as Markdown."""
    from benchmark.methods import registry as methods
    from benchmark.metrics import registry as metrics

    parts = [
        INTRODUCTION,
        *_model("Benchmark", BenchmarkFile),
        *_model("Dataset", DatasetConfig),
        *_model("Claims", Claims),
    ]
    for name in methods.available():
        cls = methods.method_class(name)
        parts += _model(f"Method `{name}`: {cls.title}", cls.hyperparameters)
    for name in metrics.available():
        parts += _model(f"Metric `{name}`", metrics.metric_class(name).option_model)
    return "\n".join(parts)


def _model(title: str, model: type[BaseModel]) -> list[str]:
    rows = list(_rows(model, ""))
    if not rows:
        return [f"## {title}\n\nHas no keys.\n"]
    table = ["| key | type | default | what it is |", "|---|---|---|---|", *rows]
    return [f"## {title}\n", *table, ""]


def _rows(model: type[BaseModel], prefix: str) -> typing.Iterator[str]:
    for name, field in model.model_fields.items():
        if (model, name) == (DatasetConfig, "name"):
            continue  # the file's name, and no key in it
        default = "" if field.is_required() else f"`{_plain(field.get_default(call_default_factory=True))}`"
        text = " ".join(filter(None, [field.description, _bounds(field)]))
        nested = _nested(field.annotation)
        yield f"| `{prefix}{name}` | {_type(field.annotation)} | {default} | {text} |".replace("  ", " ")
        for below in nested:
            inner = "<name>." if "dict[" in str(field.annotation) else ""
            yield from _rows(below, f"{prefix}{name}.{inner}")


def _nested(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _nested(argument)]


def _type(annotation: Any) -> str:
    if models := _nested(annotation):
        return "mapping" if len(models) == 1 else " or ".join(m.__name__ for m in models)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin is typing.Literal:
        return " or ".join(map(repr, arguments))
    if origin in (typing.Union, UnionType):
        return " or ".join(map(_type, arguments))
    names: dict[Any, str] = {tuple: "list", dict: "mapping", NoneType: "none"}
    return names.get(origin or annotation) or annotation.__name__


def _plain(value: Any) -> Any:
    if value == "":
        return '""'
    return value.value if isinstance(value, Enum) else list(value) if isinstance(value, tuple) else value


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    found = [f"{sign} {getattr(m, key)}" for m in field.metadata for key, sign in signs.items() if hasattr(m, key)]
    return f"({', '.join(found)})" if found else ""

"""Reads configs, and reports all their faults in one message."""

import difflib
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from benchmark.config.benchmark import BenchmarkFile
from benchmark.config.claims import Claims
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping.

    Raises:
        ConfigError: the file is missing, is not YAML, or does not hold a mapping.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(path, "there is no such config", nearest_file(path)) from None
    except ValueError as error:
        raise ConfigError(path, f"not valid YAML ({error})", "Correct it") from None
    if not isinstance(content, dict):
        raise ConfigError(path, "does not hold a mapping of keys to values", "Start from config/demo.yaml")
    return content


def parse_yaml(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        ValueError: in one line, why it is not valid: its syntax, or an impossible value (the date 2020-13-45).
    """
    try:
        return yaml.load(text, Loader=_UniqueKeys)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(" ".join(str(error).split())) from None


class _UniqueKeys(yaml.CSafeLoader):
    """Refuses a mapping with a repeated key, of which YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"key {', '.join(twice)} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def nearest_file(path: Path) -> str:
    """Remedy for a missing config: those that exist, the most similar first; or the right working directory."""
    names = sorted(p.stem for p in path.parent.glob("*.yaml") if p.name != paths.CLAIMS.name)
    if not names:
        return f"There are no configs in {path.parent}: run this in the clone's root, which holds the folder 'config'"
    near = difflib.get_close_matches(path.stem, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}There are: {', '.join(names)}"


def check(model: type[Model], content: Any, origin: object) -> Model:
    """Validates ``content``; reports all faults, each with its key and, for a misspelt key, the nearest known one.

    Raises:
        ConfigError: with one line for each fault.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors()
        # Pydantic also calls a list too short if each of its items is invalid.
        faulty = {part["loc"][:depth] for part in found for depth in range(len(part["loc"]))}
        faults = [_explain(model, dict(e)) for e in found if e["type"] != "too_short" or e["loc"] not in faulty]
    raise ConfigError(origin, "; ".join(faults), "Correct the config; every key is described in docs/config.md")


def suggestion(word: str, known: list[str]) -> str:
    """``, did you mean 'x'?`` or, if no known word is similar, all of them."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f", did you mean {near[0]!r}?" if near else f", known are {', '.join(sorted(known))}"


def _explain(model: type[BaseModel], error: dict[str, Any]) -> str:
    location = tuple(error["loc"])
    path, known = _followed(model, location)
    key = ".".join(path)
    if error["type"] == "extra_forbidden":
        name = str(location[-1])
        # A known key in the wrong place; a similar one of this place would mislead.
        if name not in known and (places := _elsewhere(model, name, key)):
            return f"key '{key}' is unknown, did you mean {' or '.join(places)}?"
        return f"key '{key}' is unknown" + (suggestion(name, known) if known else "")
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        context = {name: text.replace("'", "") for name, text in error["ctx"].items()}
        key = f"{key}.{context['discriminator']}"
        if error["type"] == "union_tag_not_found":
            return f"key '{key}' is missing"
        tag = context["tag"]
        return f"key '{key}' is '{tag}'{suggestion(tag, context['expected_tags'].split(', '))}"
    message = str(error["msg"])
    own = message.startswith("Value error, ")
    if own:
        message = message.removeprefix("Value error, ")
    else:  # in terms of YAML, not of Python
        message = (message[0].lower() + message[1:]).replace("tuple", "list").replace("dictionary", "mapping")
        message = message.partition(" or instance of ")[0]
    given = error["input"]
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | list | tuple) else ""
    return f"key '{key}': {message}{shown}" if key else message


def _followed(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[list[str], list[str]]:
    """Where a fault is: its keys as in the file, and the known keys of the same mapping.

    Pydantic inserts the tag of a union between the keys, which tells the models of the union apart.
    """
    path: list[str] = []
    current, beside = [model], [model]
    for part in location:
        tagged = [c for c in current if _has_tag(c, part)]
        if len(current) > 1 and tagged:
            current = tagged
            continue
        path.append(str(part))
        beside = current
        fields = [c.model_fields[str(part)] for c in current if str(part) in c.model_fields]
        current = [m for field in fields for m in _models_in(field.annotation)] or current  # keys of mappings
    return path, sorted({name for c in beside for name in c.model_fields})


def _elsewhere(model: type[BaseModel], name: str, key: str) -> list[str]:
    """Where a key of this name belongs: in this config, or else in the other kind.

    Leaves ``key`` itself out, which another model of a union may have.
    """
    if own := [place for place in _places(model, name) if place != key]:
        return [repr(place) + ("" if "." in place else " at the top") for place in own]
    if model is BenchmarkFile:
        return [f"{place!r} of a dataset ({paths.DATASET_CONFIG}/)" for place in _places(DatasetConfig, name)]
    if model is DatasetConfig:
        return [f"{place!r} of a benchmark ({paths.DATASET_CONFIG.parent}/)" for place in _places(BenchmarkFile, name)]
    return []


def _places(model: type[BaseModel], name: str, above: str = "") -> list[str]:
    """Each place of a config that has a key of this name; ``*`` stands for the keys of a mapping."""
    found: dict[str, None] = {}
    for key, field in model.model_fields.items():
        if key == name:
            found[above + key] = None
        inner = f"{above}{key}.*." if get_origin(field.annotation) is dict else f"{above}{key}."
        found |= dict.fromkeys(p for m in _models_in(field.annotation) for p in _places(m, name, inner))
    return list(found)


def _has_tag(model: type[BaseModel], tag: int | str) -> bool:
    return any(
        tag in get_args(f.annotation) for f in model.model_fields.values() if get_origin(f.annotation) is Literal
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]


def load_dataset(name: str, folder: Path = paths.DATASET_CONFIG) -> DatasetConfig:
    """The dataset ``name``; a file with ``extends: other`` overrides parts of the other dataset, and
    removes a key with ``null``.

    Raises:
        ConfigError: missing, malformed, or refused by the schema.
    """
    path, content = folder / f"{name}.yaml", _extended(name, folder, ())
    if "name" in content:
        raise ConfigError(path, "key 'name' is unknown: a dataset has the name of its file", "Leave it out")
    return check(DatasetConfig, {"name": name, **content}, path)


def load_claims(path: Path = paths.ROOT / paths.CLAIMS) -> Claims:
    """The claims of the paper.

    Raises:
        ConfigError: missing, malformed, or refused by the schema.
    """
    return check(Claims, read_yaml(path), path)


def _extended(name: str, folder: Path, above: tuple[str, ...]) -> dict[str, Any]:
    path = folder / f"{name}.yaml"
    if name in above:
        raise ConfigError(path, "extends itself", f"Break the circle {' → '.join([*above, name])}")
    content = read_yaml(path)
    base = content.pop("extends", None)
    return content if base is None else _merge(_extended(base, folder, (*above, name)), content)


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and not _other_kind(old, value):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return {key: value for key, value in merged.items() if value is not None}


def _other_kind(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Whether a mapping is of another kind, of which the old one's keys say nothing: another protocol of splits."""
    return any(tag in new and new[tag] != old.get(tag) for tag in ("protocol", "kind"))

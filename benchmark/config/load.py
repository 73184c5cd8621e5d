"""Reads configs, and turns whatever is wrong with them into one readable message."""

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from benchmark import layout
from benchmark.config.dataset import DatasetConfig
from benchmark.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping.

    Raises:
        ConfigError: the file is missing, is no YAML, or holds no mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except (FileNotFoundError, IsADirectoryError):
        raise ConfigError(path, "there is no such config", nearest_file(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(path, f"not valid YAML ({' '.join(str(error).split())})", "Correct it") from None
    if not isinstance(content, dict):
        raise ConfigError(path, "holds no mapping of keys to values", "Start from config/demo.yaml")
    return content


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a mapping that has a key twice, of which YAML silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(None, None, f"key {', '.join(twice)} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)


def nearest_file(path: Path) -> str:
    """Remedy for a missing config: the ones that are there, the most similar first."""
    names = sorted(p.stem for p in path.parent.glob("*.yaml"))
    near = difflib.get_close_matches(path.stem, names, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}There are: {', '.join(names) or 'none'}"


def check(model: type[Model], content: Any, origin: object) -> Model:
    """Validates ``content``; all faults at once, each with its key and, for a misspelt key, the nearest known one.

    Raises:
        ConfigError: with one line for each fault.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [_explain(model, dict(e)) for e in error.errors()]
    raise ConfigError(origin, "; ".join(faults), "Correct the config; every key is described in docs/config.md")


def suggestion(word: str, known: list[str]) -> str:
    """``; did you mean 'x'?`` or, when nothing is near, the known words."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f", did you mean {near[0]!r}?" if near else f", known are {', '.join(sorted(known))}"


def _explain(model: type[BaseModel], error: dict[str, Any]) -> str:
    location = tuple(error["loc"])
    key = ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        return f"key '{key}' is unknown" + (suggestion(str(location[-1]), known) if known else "")
    if error["type"] == "missing":
        return f"key '{key}' is missing"
    message = str(error["msg"])
    own = message.startswith("Value error, ")
    if own:
        message = message.removeprefix("Value error, ")
    else:  # in the words of YAML, not of Python
        message = (message[0].lower() + message[1:]).replace("tuple", "list").replace("dictionary", "mapping")
    given = error["input"]
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool | list | tuple) else ""
    return f"key '{key}': {message}{shown}" if key else message


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Field names of the model at ``location``; keys of mappings and tags of unions are stepped over."""
    current: list[type[BaseModel]] = [model]
    for part in location:
        fields = [c.model_fields[str(part)] for c in current if str(part) in c.model_fields]
        current = [m for field in fields for m in _models_in(field.annotation)] or current
    return sorted({name for c in current for name in c.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]


def load_dataset(name: str, folder: Path = layout.DATASET_CONFIG) -> DatasetConfig:
    """The dataset ``name``; a file with ``extends: other`` takes over what it does not say itself.

    Raises:
        ConfigError: missing, malformed, or refused by the schema.
    """
    path, content = folder / f"{name}.yaml", _extended(name, folder, ())
    if "name" in content:
        raise ConfigError(path, "key 'name' is unknown: the file's name is the dataset's", "Leave it out")
    return check(DatasetConfig, {"name": name, **content}, path)


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
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged

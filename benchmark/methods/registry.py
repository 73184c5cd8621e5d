"""Finds methods by the files in ``methods/``, and checks what a config says of them."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.config.load import check, suggestion
from benchmark.errors import ConfigError
from benchmark.methods.base import Method

FOLDER = Path(__file__).parents[2] / "methods"


def available() -> list[str]:
    """Names of all methods, without importing any."""
    return sorted(p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("_"))


@cache
def method_class(name: str) -> type[Method]:
    """The class in ``methods/<name>.py``.

    Raises:
        ConfigError: there is no such method, or its file does not define exactly one.
    """
    if name not in available():
        raise ConfigError(
            name, "there is no such method" + suggestion(name, available()), "Methods are the files in methods/"
        )
    module = importlib.import_module(f"methods.{name}")
    found = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Method) and getattr(c, "name", None) == name
    ]
    if len(found) != 1:
        raise ConfigError(
            module.__file__,
            f"defines {len(found)} methods of the name '{name}'",
            "Define one subclass of Method with that name",
        )
    return found[0]


def create(name: str, options: Mapping[str, Any]) -> Method:
    """A method with its hyperparameters checked."""
    cls = method_class(name)
    return cls(check(cls.hyperparameters, dict(options), f"hyperparameters of {name}"))


def check_methods(origin: object, methods: Mapping[str, Mapping[str, Any]]) -> None:
    """Checks every method of a config.

    Raises:
        ConfigError: unknown method or hyperparameter, or a value out of bounds.
    """
    for name, options in methods.items():
        if name not in available():
            raise ConfigError(
                origin,
                f"method '{name}' is unknown{suggestion(name, available())}",
                "Methods are the files in methods/",
            )
        check(method_class(name).hyperparameters, dict(options), f"{origin}, method {name}")

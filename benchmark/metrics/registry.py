"""Finds metrics by the files in ``benchmark/metrics``, and checks what a config says of them."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmark.config.load import check, suggestion
from benchmark.errors import ConfigError
from benchmark.metrics.base import Metric, Quantity

# Modules of the contract and its machinery; every other module of the package is a metric, but for helpers, whose
# names begin with an underscore.
_NO_METRICS = {"base", "registry", "view"}


def available() -> list[str]:
    """Names of all metrics, without importing any."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(p.stem for p in files if not p.stem.startswith("_") and p.stem not in _NO_METRICS)


@cache
def metric_class(name: str) -> type[Metric]:
    """The class in ``benchmark/metrics/<name>.py``.

    Raises:
        ConfigError: there is no such metric.
        TypeError: its file does not define exactly one.
    """
    if name not in available():
        raise ConfigError(
            name,
            "there is no such metric" + suggestion(name, available()),
            "Metrics are the files in benchmark/metrics",
        )
    module = importlib.import_module(f"benchmark.metrics.{name}")
    found = [
        c
        for c in vars(module).values()
        if isinstance(c, type) and issubclass(c, Metric) and getattr(c, "name", None) == name
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__file__} defines {len(found)} metrics of the name '{name}'")
    return found[0]


def create(name: str, options: Mapping[str, Any]) -> Metric:
    """A metric with its options checked."""
    cls = metric_class(name)
    return cls(check(cls.option_model, dict(options), f"options of {name}"))


def quantities() -> dict[str, Quantity]:
    """Every quantity that any metric reports, by its name in the ``metric`` column."""
    return {q.name: q for name in available() for q in metric_class(name).quantities}


def check_metrics(origin: object, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Checks every metric of a config.

    Raises:
        ConfigError: unknown metric or option, or a value out of bounds.
    """
    for name, options in metrics.items():
        if name not in available():
            raise ConfigError(
                origin,
                f"metric '{name}' is unknown{suggestion(name, available())}",
                "Metrics are the files in benchmark/metrics",
            )
        check(metric_class(name).option_model, dict(options), f"{origin}, metric {name}")

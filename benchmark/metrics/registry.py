"""The metrics in ``benchmark/metrics/``."""

from collections.abc import Mapping
from typing import Any

from benchmark.config.plugins import Plugins
from benchmark.metrics.base import Metric, Quantity

_PLUGINS = Plugins(
    Metric,  # type: ignore[type-abstract]
    "benchmark.metrics",
    "metric",
    lambda cls: cls.option_model,
    others=frozenset({"base", "registry", "view"}),
)

available = _PLUGINS.available
metric_class = _PLUGINS.find
check_metrics = _PLUGINS.check


def create(name: str, options: Mapping[str, Any]) -> Metric:
    """A metric with its options checked."""
    return metric_class(name)(_PLUGINS.options(name, options, f"options of {name}"))


def quantities() -> dict[str, Quantity]:
    """Every quantity that any metric reports, by its name in the ``metric`` column."""
    return {q.name: q for name in available() for q in metric_class(name).quantities}

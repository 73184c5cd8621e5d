"""The metrics in ``benchmark/metrics/``, and the quantities they report."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from benchmark.config.plugins import Plugins
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.inputs import Need

_PLUGINS = Plugins(
    Metric,  # type: ignore[type-abstract]
    "benchmark.metrics",
    "metric",
    lambda cls: cls.option_model,
    others=frozenset({"base", "inputs", "registry", "view"}),
)

available = _PLUGINS.available
metric_class = _PLUGINS.find
check_metrics = _PLUGINS.check


def create(name: str, options: Mapping[str, Any]) -> Metric:
    """A metric with its options checked."""
    return metric_class(name)(_PLUGINS.options(name, options, f"options of {name}"))


@cache
def quantities() -> dict[str, Quantity]:
    """Every quantity that a metric reports, by its name in the ``metric`` column."""
    return {q.name: q for name in available() for q in metric_class(name).quantities}


def judges_of(quantity: Quantity) -> frozenset[Need]:
    """The networks that the metric of a quantity has judge images."""
    needs = next(cls.needs for cls in map(metric_class, available()) if quantity in cls.quantities)
    return needs & {Need.SEGMENTORS, Need.AUTOENCODER}


def shown_in(place: str) -> list[Quantity]:
    """The quantities of one table or figure, in its order."""
    return sorted((q for q in quantities().values() if q.shown_in == place), key=lambda q: q.position)


@cache
def primary() -> Quantity:
    """The quantity that ranks the methods."""
    (found,) = (q for q in quantities().values() if q.primary)
    return found

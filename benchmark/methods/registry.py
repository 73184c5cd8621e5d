"""The methods in ``methods/``."""

from collections.abc import Mapping
from typing import Any, get_args

from benchmark.config.benchmark import MethodCard
from benchmark.config.dataset import LabelKind
from benchmark.config.plugins import Plugins
from benchmark.methods.base import Method
from benchmark.runtime.paths import ROOT

FOLDER = ROOT / "methods"
_PLUGINS = Plugins(Method, "methods", "method", lambda cls: cls.hyperparameters)  # type: ignore[type-abstract]

available = _PLUGINS.available
method_class = _PLUGINS.find
check_methods = _PLUGINS.check


def create(name: str, options: Mapping[str, Any]) -> Method:
    """A method with its hyperparameters checked."""
    return method_class(name)(_PLUGINS.options(name, options, f"hyperparameters of {name}"))


def card(name: str) -> MethodCard:
    """What a method says of itself."""
    cls = method_class(name)
    return MethodCard(
        name=name,
        title=cls.title,
        reference=" ".join(cls.reference.split()),
        kind=cls.kind,
        needs_labels=cls.needs_labels,
        needs_truth=cls.needs_truth,
        not_applicable={kind: cls.not_applicable(kind) for kind in get_args(LabelKind)},
    )

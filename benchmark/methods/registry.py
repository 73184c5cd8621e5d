"""The methods in ``methods/``."""

from collections.abc import Mapping
from typing import Any, get_args

from benchmark.config.benchmark import MethodCard
from benchmark.config.dataset import LabelKind
from benchmark.config.plugins import Plugins
from benchmark.methods.base import Method
from benchmark.runtime.errors import ConfigError
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
    """What a method says of itself.

    Raises:
        ConfigError: it leaves something out.
    """
    cls = method_class(name)
    if absent := [said for said in ("title", "reference", "kind", "hyperparameters") if not hasattr(cls, said)]:
        raise ConfigError(f"methods/{name}.py", f"does not say its {absent[0]}", f"Give the class {cls.__name__} one")
    return MethodCard(
        name=name,
        title=cls.title,
        reference=" ".join(cls.reference.split()),
        kind=cls.kind,
        needs_labels=cls.needs_labels,
        needs_truth=cls.needs_truth,
        not_applicable={kind: cls.not_applicable(kind) for kind in get_args(LabelKind)},
    )

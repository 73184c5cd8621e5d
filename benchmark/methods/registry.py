"""The methods in ``methods/``."""

from collections.abc import Mapping
from typing import Any

from benchmark.config.plugins import ROOT, Plugins
from benchmark.methods.base import Method

FOLDER = ROOT / "methods"
_PLUGINS = Plugins(Method, "methods", "method", lambda cls: cls.hyperparameters)  # type: ignore[type-abstract]

available = _PLUGINS.available
method_class = _PLUGINS.find
check_methods = _PLUGINS.check


def create(name: str, options: Mapping[str, Any]) -> Method:
    """A method with its hyperparameters checked."""
    return method_class(name)(_PLUGINS.options(name, options, f"hyperparameters of {name}"))

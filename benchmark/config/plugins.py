"""Finds plug-ins by their files: each module of a package defines one class with the module's name.

Methods in ``methods/`` and metrics in ``benchmark/metrics/`` are plug-ins.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Generic, TypeVar

from benchmark.config.base import Strict
from benchmark.config.load import check, suggestion
from benchmark.runtime.errors import ConfigError
from benchmark.runtime.paths import ROOT

T = TypeVar("T")


class Plugins(Generic[T]):
    """The plug-ins of one kind.

    Args:
        base: their base class, with an attribute ``name``.
        package: the package of their modules; modules whose names begin with an underscore are helpers.
        noun: for messages, such as ``method``.
        options: gives the model of a plug-in's options.
        others: further modules of the package that are not plug-ins.
    """

    def __init__(
        self,
        base: type[T],
        package: str,
        noun: str,
        options: Callable[[type[T]], type[Strict]],
        others: frozenset[str] = frozenset(),
    ) -> None:
        self._base, self._package, self._noun, self._options, self._others = base, package, noun, options, others
        self.find = cache(self._find)

    @property
    def _remedy(self) -> str:
        return f"The {self._noun}s are the files in {self._package.replace('.', '/')}/"

    def available(self) -> list[str]:
        """All names; imports nothing."""
        files = ROOT.joinpath(*self._package.split(".")).glob("*.py")
        return sorted(p.stem for p in files if not p.stem.startswith("_") and p.stem not in self._others)

    def _find(self, name: str) -> type[T]:
        """The class of that name.

        Raises:
            ConfigError: there is no such file, it cannot be loaded, or it does not define exactly one.
        """
        self._check_name(name, name)
        try:
            module = importlib.import_module(f"{self._package}.{name}")
        except Exception as error:
            fault = f"cannot be loaded ({type(error).__name__}: {error})"
            raise ConfigError(f"{self._package.replace('.', '/')}/{name}.py", fault, "Correct it") from error
        classes = (c for c in vars(module).values() if isinstance(c, type) and issubclass(c, self._base))
        found = [c for c in classes if getattr(c, "name", None) == name]
        if len(found) != 1:
            raise ConfigError(
                module.__file__,
                f"defines {len(found)} {self._noun}s of the name '{name}'",
                f"Define one subclass of {self._base.__name__} with that name",
            )
        return found[0]

    def options(self, name: str, given: Mapping[str, Any], origin: object) -> Strict:
        """The checked options of one plug-in, with its defaults.

        Raises:
            ConfigError: unknown options, or values out of bounds.
        """
        return check(self._options(self.find(name)), dict(given), origin)

    def check(self, origin: object, chosen: Mapping[str, Mapping[str, Any]]) -> None:
        """Checks every plug-in that a config names.

        Raises:
            ConfigError: an unknown name or option, or a value out of bounds.
        """
        for name, given in chosen.items():
            self._check_name(name, origin)
            self.options(name, given, f"{origin}, {self._noun} {name}")

    def _check_name(self, name: str, origin: object) -> None:
        if name not in self.available():
            fault = f"{self._noun} '{name}' is unknown{suggestion(name, self.available())}"
            raise ConfigError(origin, fault, self._remedy)

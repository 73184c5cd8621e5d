"""What methods are called, read off their source: importing ``methods/`` would import PyTorch, seconds for a title.

``Method`` demands its class attributes as literals, so reading them is exact; where one is no literal this module
raises instead of guessing.
"""

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.methods.registry import FOLDER
from benchmark.results.scores import REFERENCES
from benchmark.runtime.paths import ROOT

CONTROL, CLASSICAL, LEARNED, EXTERNAL = "control", "classical", "learned", "external"
IDENTITY = "identity"
"""The control that leaves images alone: the row of Tables IV and V before harmonization."""


@dataclass(frozen=True)
class MethodCard:
    """A method as reports name it.

    Attributes:
        kind: ``control``, ``classical``, ``learned``, or ``external`` for images that somebody else harmonized.
    """

    name: str
    title: str
    reference: str
    kind: str


def method_card(name: str) -> MethodCard:
    """Title, reference and kind of a method; a name without a file is an external submission and its own title.

    Raises:
        TypeError: the file defines no class of that name, or an attribute is no string literal.
    """
    path = FOLDER / f"{name}.py"
    if not path.is_file():
        return MethodCard(name, name, "", EXTERNAL)
    tree = _parse(path)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and _own(node).get("name") == name:
            found = _attributes(node, tree)
            if missing := {"title", "reference", "kind"} - set(found):
                raise TypeError(f"{path}: {', '.join(sorted(missing))} must be string literals of the class")
            return MethodCard(name, found["title"], found["reference"], found["kind"])
    raise TypeError(f"{path}: defines no class with name = {name!r}")


def marked(title: str, name: str, proposed: str) -> str:
    """A method's title; the one that the benchmark proposes is marked as such, as in the paper."""
    return f"{title}, proposed" if name == proposed and "proposed" not in title.casefold() else title


def method_cards(config: BenchmarkConfig, scored: set[str]) -> list[MethodCard]:
    """All methods of a benchmark: the config's, in its order, then external ones that were scored.

    Args:
        scored: values of the ``method`` column of the scores.
    """
    others = sorted(scored - set(config.methods) - set(REFERENCES))
    return [method_card(name) for name in (*config.methods, *others)]


def _attributes(node: ast.ClassDef, tree: ast.Module) -> dict[str, str]:
    """String attributes of a class with those it inherits inside this project."""
    inherited: dict[str, str] = {}
    for base in reversed(node.bases):
        if isinstance(base, ast.Name) and (found := _find(base.id, tree)):
            inherited |= _attributes(*found)
    return inherited | _own(node)


def _own(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value:
            targets, value = [statement.target], statement.value
        else:
            continue
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found |= {t.id: value.value for t in targets if isinstance(t, ast.Name)}
    return found


def _find(name: str, tree: ast.Module) -> tuple[ast.ClassDef, ast.Module] | None:
    """The class that ``name`` means in a module: defined there, or imported from a module of this project."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node, tree
        if isinstance(node, ast.ImportFrom) and node.module and name in {a.asname or a.name for a in node.names}:
            path = ROOT.joinpath(*node.module.split("."))
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            original = next(a.name for a in node.names if (a.asname or a.name) == name)
            return _find(original, _parse(path)) if path.is_file() else None
    return None


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))

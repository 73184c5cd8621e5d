"""A digest of the code that a piece of work may run, read off the source without importing it.

Snakemake does not see code that a rule imports. Each rule has the digest of what its work reaches as a parameter, and
each training has it as part of its identity, so that a changed metric scores again and trains nothing.

From its entry points, the work reaches every top-level definition that a reached one mentions, in any module of this
project. Importing a module also runs its statements that define nothing, and those of the modules that it imports.
A module that is used as a value, or that finds code by its name, counts as a whole; what it finds must be an entry
point too. Code that a decorator or an assignment registers, and nothing mentions, is not found.

What counts of a definition is its bytecode without docstrings and annotations, so that comments, formatting and the
names of local variables do not. Another minor version of Python compiles differently, and changes all digests.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from inspect import CO_VARARGS, CO_VARKEYWORDS
from pathlib import Path
from types import CodeType
from typing import Any

from benchmark.runtime.paths import ROOT

PACKAGES = ("benchmark", "methods")
FINDING = {("__import__",), ("eval",), ("exec",), ("globals",), ("import_module",), ("importlib", "import_module")}
"""Functions by which code reaches what it does not mention."""

_Import = ast.Import | ast.ImportFrom
_Def = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Place = tuple[str, ...]
"""A module and a name in it; without the name, the module; with more names, an attribute."""


class Part:
    """Statements of a module that count together.

    Attributes:
        text: what they do.
        mentions: the names in them, each with the attributes that are taken of it.
        imports: the places that they import, each after the name that it is bound to.
    """

    def __init__(self, module: str, is_package: bool, statements: list[ast.stmt]) -> None:
        bare = _Bare().visit(ast.Module(list(statements), []))
        self.text = _meaning(compile(bare, module, "exec", dont_inherit=True))
        self.mentions: set[_Place] = set()
        self.imports: list[tuple[str, _Place]] = []
        waiting: list[ast.AST] = [bare]
        while waiting:
            node = waiting.pop()
            if chain := _chain(node):
                self.mentions.add(chain)
            elif isinstance(node, _Import):
                self.imports += _imported(node, module, is_package)
            else:
                waiting += ast.iter_child_nodes(node)

    @property
    def finds(self) -> bool:
        """Whether it may reach what it does not mention."""
        return not FINDING.isdisjoint(self.mentions)


class Module:
    """A module of this project, taken apart.

    Attributes:
        parts: what defines each name; under the empty name, what else runs when the module is imported.
        imported: the places that each imported name may stand for.
        imports: modules that are imported with this one, and some names that may be modules.
    """

    def __init__(self, name: str, text: bytes, is_package: bool) -> None:
        statements: dict[str, list[ast.stmt]] = {"": []}
        imports: list[tuple[str, _Place]] = []
        for statement in _executed(ast.parse(text).body):
            if isinstance(statement, _Import):
                imports += _imported(statement, name, is_package)
            else:
                for defined in _defined(statement) or [""]:
                    statements.setdefault(defined, []).append(statement)
        self.parts = {defined: Part(name, is_package, found) for defined, found in statements.items()}
        self.imports = {
            name.rpartition(".")[0],
            *(".".join(place[:length]) for _, place in imports for length in (1, 2)),
        }
        self.imported: dict[str, list[_Place]] = {}
        for bound, place in imports + self.parts[""].imports:
            self.imported.setdefault(bound, []).append(place)


class Project:
    """The source code below a folder; what was read once is kept.

    Args:
        root: the folder that holds the packages.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.module = cache(self._read)
        self._file = cache(self._find)

    def digest(self, *entries: str) -> str:
        """SHA-256 over the meaning of all that the entry points reach.

        Args:
            entries: ``module:function``; ``module``, with all that it defines; or ``package.*``, all modules in it.

        Raises:
            ModuleNotFoundError: the project has no such module, or the module no such name.
        """
        found = self.reached(*entries)
        return hashlib.sha256("\0".join(f"{key}\0{found[key]}" for key in sorted(found)).encode()).hexdigest()

    def fingerprint(self) -> str:
        """SHA-256 over all files of the packages; while it is the same, so is every digest."""
        found = hashlib.sha256()
        for path in sorted(path for package in PACKAGES for path in (self._root / package).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found.update(f"{path.relative_to(self._root)}\0".encode() + path.read_bytes() + b"\0")
        return found.hexdigest()

    def files(self, *entries: str) -> list[str]:
        """Files with code that the entry points reach, relative to the root, sorted."""
        modules = {key.partition(":")[0] for key in self.reached(*entries)}
        return sorted(str(path.relative_to(self._root)) for path in filter(None, map(self._file, modules)))

    def reached(self, *entries: str) -> dict[str, str]:
        """What counts, by ``module:name``; without a name, what else runs when a module is imported."""
        found: dict[str, str] = {}
        waiting = [place for entry in entries for place in self._expand(entry)]
        while waiting:
            module, name = waiting.pop()
            if f"{module}:{name}" not in found:
                source = self.module(module)
                text = source.parts[name].text if name in source.parts else ""
                found[f"{module}:{name}"] = f"{text}{source.imported.get(name, '')}"
                waiting += self._references(module, name)
        return found

    def _expand(self, entry: str) -> Iterator[tuple[str, str]]:
        module, _, name = entry.removesuffix(".*").partition(":")
        path = self._file(module)
        if path is None or (name and name not in self.module(module).parts):
            raise ModuleNotFoundError(f"no {entry} in this project", name=module)
        if entry.endswith(".*"):
            for other in path.parent.glob("[!_]*.py"):
                yield from self._follow(f"{module}.{other.stem}")
        else:
            yield from self._follow(module, *filter(None, [name]))

    def _references(self, module: str, name: str) -> Iterator[tuple[str, str]]:
        """What the definition of a name refers to; without a name, what importing the module does."""
        source = self.module(module)
        if not name:
            yield from ((other, "") for other in source.imports if self._file(other))
        if name in source.parts:
            part = source.parts[name]
            for mention in part.mentions:
                yield from self._named(module, *mention)
            for _, place in part.imports:
                yield from self._follow(*place)
            if part.finds:
                yield from self._follow(module)

    def _follow(self, module: str, *names: str) -> Iterator[tuple[str, str]]:
        """What is at a place; all of a module that is used as a value."""
        if self._file(module) is None:
            return  # of another project
        yield module, ""
        source = self.module(module)
        if names and (names[0] in source.parts or names[0] in source.imported):
            yield from self._named(module, *names)
        elif names and self._file(f"{module}.{names[0]}"):
            yield from self._follow(f"{module}.{names[0]}", *names[1:])
        else:
            for name in {**source.parts, **source.imported}:
                yield from self._named(module, name)

    def _named(self, module: str, name: str, *attributes: str) -> Iterator[tuple[str, str]]:
        """What a name stands for in a module; nothing where it is a local name or a builtin."""
        source = self.module(module)
        if name in source.parts or name in source.imported:
            yield module, name
        for place in source.imported.get(name, ()):
            yield from self._follow(*place, *attributes)

    def _find(self, module: str) -> Path | None:
        parts = module.split(".")
        path = self._root.joinpath(*parts)
        candidates = [path.with_suffix(".py"), path / "__init__.py"] if parts[0] in PACKAGES else []
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def _read(self, module: str) -> Module:
        path = self._file(module)
        assert path is not None, module
        return Module(module, path.read_bytes(), path.stem == "__init__")


class _Bare(ast.NodeTransformer):
    """Removes places in the file, docstrings, and annotations but for those that a decorator of theirs may read."""

    _in_class = False

    def visit(self, node: ast.AST) -> Any:
        outside = self._in_class
        if isinstance(node, ast.AnnAssign) and not self._in_class:
            node = ast.Assign([node.target], node.value) if node.value else ast.Pass()
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node = ast.Pass()
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list:
            node.returns = None
            for argument in (n for n in ast.walk(node.args) if isinstance(n, ast.arg)):
                argument.annotation = None
        if isinstance(node, _Def | ast.Lambda):
            self._in_class = isinstance(node, ast.ClassDef)
        node = self.generic_visit(node)
        self._in_class = outside
        if "lineno" in node._attributes:
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
        return node


def _meaning(code: CodeType) -> str:
    """All of a code object that decides what it does."""
    variadic = bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + variadic]
    counts = code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    constants = [
        _meaning(c) if isinstance(c, CodeType) else str(sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c))
        for c in code.co_consts
    ]
    return repr((code.co_code, code.co_exceptiontable, code.co_names, arguments, counts, constants))


def _chain(node: ast.AST) -> _Place:
    """A name and the attributes that are taken of it; empty where they are of another expression."""
    names: _Place = ()
    while isinstance(node, ast.Attribute):
        names = (node.attr, *names)
        node = node.value
    return (node.id, *names) if isinstance(node, ast.Name) else ()


def _imported(statement: _Import, module: str, is_package: bool) -> Iterator[tuple[str, _Place]]:
    """Each name that an import binds, and the place that it then stands for."""
    for alias in statement.names:
        if isinstance(statement, ast.Import):
            yield alias.asname or alias.name.partition(".")[0], (alias.name,)
        else:
            package = module if is_package else module.rpartition(".")[0]
            origin = resolve_name("." * statement.level + (statement.module or ""), package)
            yield alias.asname or alias.name, (origin, alias.name)


def _executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module without those for type checkers."""
    for statement in body:
        if isinstance(statement, ast.If) and _chain(statement.test)[-1:] == ("TYPE_CHECKING",):
            yield from _executed(statement.orelse)
        else:
            yield statement


def _defined(statement: ast.stmt) -> list[str]:
    """Names that a statement defines; none if that is not all that it does."""
    if isinstance(statement, _Def):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign) and statement.value:
        targets = [statement.target]
    parts = [part for t in targets for part in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []


_PROJECT = Project(ROOT)
code_digest = _PROJECT.digest
code_behind = _PROJECT.files
source_fingerprint = _PROJECT.fingerprint

"""The top-level definitions of a module: the meaning of each as text, and the names that it refers to.

Texts leave out what does not change behaviour: comments, formatting, docstrings, annotations that nothing reads, and
the names of local variables. A name of the module stands there with its origin, so that importing another function of
the same name changes the text. Where it is unclear whether a name is local, it counts as one of the module.
"""

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

HARMLESS = {
    *(f":{name}" for name in ("classmethod", "property", "staticmethod")),
    *(f"functools:{name}" for name in ("cache", "cached_property", "lru_cache", "total_ordering", "wraps")),
    *(f"pydantic:{name}" for name in ("field_validator", "model_validator")),
    *(f"torch:{name}" for name in ("inference_mode", "no_grad")),
    *("abc:abstractmethod", "contextlib:contextmanager", "dataclasses:dataclass", "typing:overload"),
}
"""Decorators that register nothing and read no annotations of functions."""
DYNAMIC = {":__import__", ":eval", ":exec", ":globals", "importlib:import_module"}
"""References by which code may reach what it does not mention."""
READING = {"importlib.resources:files"}
"""References by which code reads files that lie beside it."""
_REVEALING = {"eval", "exec", "locals", "vars"}
"""Functions that may see the names of local variables."""
_FORM = {"ctx", "kind", "type_comment"}
_BINDING: dict[type, str] = {
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef), "name"),
    **dict.fromkeys((ast.ExceptHandler, ast.MatchAs, ast.MatchStar), "name"),
    ast.MatchMapping: "rest",
    ast.arg: "arg",
}
"""Where a name that is bound stands in the syntax tree as a string."""
_Import = ast.Import | ast.ImportFrom
_Def = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@dataclass(frozen=True)
class Definition:
    """What defines a name of a module.

    Attributes:
        text: its meaning.
        references: names outside it, each as ``module:name.attribute``; without a name, the module as a value; without
            a module, a builtin.
        imports: modules that it imports when it runs.
    """

    text: str
    references: frozenset[str]
    imports: frozenset[str]

    @property
    def dynamic(self) -> bool:
        """Whether it may reach what it does not mention."""
        return not DYNAMIC.isdisjoint(self.references)

    @property
    def reads_files(self) -> bool:
        """Whether it reads files that lie beside the code."""
        return not READING.isdisjoint(self.references)

    @property
    def finds_subclasses(self) -> bool:
        """Whether it may reach classes because they are subclasses."""
        return "__init_subclass__" in self.text or "__subclasses__" in self.text


class Source:
    """A module of this project, taken apart.

    Attributes:
        module: dotted name.
        imported: for each name that is bound by imports, the references that it may stand for.
        imports: modules that are imported with this one.
        names: all names that are defined.
        classes: those that are classes.
    """

    def __init__(self, module: str, text: bytes, is_package: bool) -> None:
        self.module = module
        self.imported: dict[str, list[str]] = {}
        self.imports: list[str] = []
        self._is_package, self._tree = is_package, ast.parse(text)
        self._statements: dict[str, list[ast.stmt]] = {}
        self._described: dict[str, Definition] = {}
        executed = list(_executed(self._tree.body))
        for statement in executed:
            if isinstance(statement, _Import):
                for name, target in self.targets(statement):
                    self.imported.setdefault(name, []).append(target)
                self.imports += self.modules(statement)
            for name in _defined(statement):
                self._statements.setdefault(name, []).append(statement)
        self._effects = [statement for statement in executed if self._has_effect(statement)]
        self.names = list(self._statements)
        self.classes = [n for n, found in self._statements.items() if isinstance(found[-1], ast.ClassDef)]

    def definition(self, name: str) -> Definition:
        """All statements that define a name."""
        if name not in self._described:
            self._described[name] = self._describe(self._statements[name])
        return self._described[name]

    @cached_property
    def effects(self) -> Definition:
        """Statements that may do something else than define a name; they run when the module is imported."""
        return self._describe(self._effects)

    def origin(self, name: str) -> str:
        """The reference that a name stands for in this module."""
        if name in self._statements or len(self.imported.get(name, ())) > 1:
            return f"{self.module}:{name}"
        return self.imported[name][0] if name in self.imported else f":{name}"

    def targets(self, statement: _Import) -> Iterator[tuple[str, str]]:
        """Each name that an import binds, and the reference that it then stands for."""
        for alias in statement.names:
            if isinstance(statement, ast.ImportFrom):
                yield alias.asname or alias.name, f"{self._from(statement)}:{alias.name}"
            else:
                top = alias.name.partition(".")[0]
                yield alias.asname or top, f"{alias.name if alias.asname else top}:"

    def modules(self, statement: _Import) -> list[str]:
        """Modules that an import may run; what is imported from a package may be a module."""
        names = [alias.name for alias in statement.names]
        if isinstance(statement, ast.Import):
            return names
        origin = self._from(statement)
        return [origin, *(f"{origin}.{name}" for name in names)]

    def is_harmless(self, decorator: ast.expr) -> bool:
        """Whether a decorator registers nothing and reads no annotations of functions."""
        chain = _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
        return bool(chain) and join(self.origin(chain[0]), *chain[1:]) in HARMLESS

    def _from(self, statement: ast.ImportFrom) -> str:
        if not statement.level:
            return statement.module or ""
        above = self.module.split(".")
        above = above[: len(above) - statement.level + self._is_package]
        return ".".join([*above, *filter(None, [statement.module])])

    def _has_effect(self, statement: ast.stmt) -> bool:
        if isinstance(statement, _Import):  # of all names, or for its effects alone, as nothing mentions what it binds
            names = {name for name, _ in self.targets(statement)}
            return "*" in names or not (self._is_package or names & self._mentioned)
        if isinstance(statement, _Def | ast.ClassDef):
            calls = isinstance(statement, ast.ClassDef) and (
                statement.keywords or any(isinstance(s, ast.Expr) and not _says_nothing(s) for s in statement.body)
            )
            return bool(calls) or not all(map(self.is_harmless, statement.decorator_list))
        return not _defined(statement) or any(isinstance(node, ast.Call) for node in ast.walk(statement))

    @cached_property
    def _mentioned(self) -> set[str]:
        return {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)}

    def _describe(self, statements: Iterable[ast.stmt]) -> Definition:
        text = _Text(self)
        text.write(list(statements))
        return Definition("".join(text.parts), frozenset(text.references), frozenset(text.imports))


def join(reference: str, *attributes: str) -> str:
    """The reference to an attribute of what a reference stands for."""
    return ".".join([reference, *attributes]).replace(":.", ":")


class _Text:
    """Writes syntax trees down, and notes what they refer to on the way."""

    def __init__(self, source: Source) -> None:
        self.parts: list[str] = []
        self.references: set[str] = set()
        self.imports: set[str] = set()
        self._source = source
        self._locals: _Locals | None = None  # of the outermost function around
        self._in_class = False  # in its own statements, not in its methods
        self._writers: dict[type, Callable[[Any], None]] = {
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.ClassDef: self._class,
            **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda), self._function),
            ast.arg: self._argument,
            ast.AnnAssign: self._annotated,
            **dict.fromkeys((ast.Import, ast.ImportFrom), self._import),
            ast.Nonlocal: self._nonlocal,
        }

    def write(self, content: object) -> None:
        """Writes a node, or what stands in a field of one."""
        if isinstance(content, ast.AST):
            if not _says_nothing(content):
                self._writers.get(type(content), self._node)(content)
        elif isinstance(content, list):
            self.parts.append("[")
            for item in content:
                self.write(item)
            self.parts.append("]")
        else:
            self.parts.append(f"{content!r},")

    def _node(self, node: ast.AST, *left_out: str) -> None:
        self.parts.append(f"{type(node).__name__}(")
        for name in node._fields:
            content = getattr(node, name, None)
            if content is not None and content != [] and name not in _FORM and name not in left_out:
                self.parts.append(f"{name}=")
                self.write(content)
        self.parts.append(")")

    def _name(self, node: ast.Name) -> None:
        attribute_of_class = self._in_class and isinstance(node.ctx, ast.Store)
        self.parts.append(f"{node.id if attribute_of_class else self._meaning(node.id)},")

    def _attribute(self, node: ast.Attribute) -> None:
        if chain := _chain(node):
            self.parts.append(f"{self._meaning(*chain)}.{'.'.join(chain[1:])},")
        else:
            self._node(node)

    def _meaning(self, name: str, *attributes: str) -> str:
        """What stands in the text for a name; if that is not local, the name with these attributes is a reference."""
        if self._locals and name in self._locals.imported:
            self.references.update(join(target, *attributes) for target in self._locals.imported[name])
        if self._locals and name in self._locals.own:
            return self._locals.numbers.get(name, name)
        origin = self._source.origin(name)
        if self._locals and name in self._locals.numbers and origin == f":{name}":
            return self._locals.numbers[name]
        self.references.add(join(origin, *attributes))
        return origin

    def _class(self, node: ast.ClassDef) -> None:
        self._node(node, "body")
        outside, self._in_class = self._in_class, True
        self.write(node.body)
        self._in_class = outside

    def _function(self, node: _Def | ast.Lambda) -> None:
        self._node(node, "args", "body", "returns")
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        if not all(map(self._source.is_harmless, decorators)):
            self._annotations(node)
        self.write(node.args)
        outside, self._in_class = (self._locals, self._in_class), False
        if self._locals is None:
            self._locals = _Locals(self._source, node)
        self.write(node.body)
        self._locals, self._in_class = outside

    def _argument(self, node: ast.arg) -> None:
        self.parts.append(f"{node.arg},")

    def _annotated(self, node: ast.AnnAssign) -> None:
        if self._in_class:  # dataclasses and pydantic read these
            self._annotations(node)
            self._node(node, "annotation")
        elif node.value is not None:
            self._node(ast.Assign([node.target], node.value))

    def _annotations(self, node: ast.AST) -> None:
        """The annotations of an assignment or function, with the names in those that are strings."""
        arguments = [n for n in ast.walk(node.args) if isinstance(n, ast.arg)] if isinstance(node, _Def) else [node]
        for found in [getattr(n, "annotation", None) for n in arguments] + [getattr(node, "returns", None)]:
            self.write(found)
            for part in ast.walk(found) if found else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    try:
                        self.write(ast.parse(part.value, mode="eval").body)
                    except SyntaxError:
                        continue  # an argument of Literal, and no name

    def _import(self, node: _Import) -> None:
        for name, target in self._source.targets(node):
            self.parts.append(f"import {target} as {name},")
            if self._locals is None:
                self.references.add(target)
        self.imports.update(self._source.modules(node))

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        self.parts.append(f"nonlocal {[self._meaning(name) for name in node.names]},")


class _Locals:
    """The names that are bound in a function and in the functions, classes and comprehensions in it.

    Attributes:
        own: those that are local in the function itself.
        imported: for names that are bound by imports, the references that they may stand for.
        numbers: what stands in the text for names that are bound by assignment alone.
    """

    def __init__(self, source: Source, function: _Def | ast.Lambda) -> None:
        self.own: set[str] = set()
        self.imported: dict[str, list[str]] = {}
        self._source = source
        self._assigned: dict[str, None] = {}
        self._kept = set(dir(builtins))
        self._globals: set[str] = set()
        self._reveals = False
        for part in [function.args, *(function.body if isinstance(function.body, list) else [function.body])]:
            self._visit(part, inner=False, in_class=False)
        self.own -= self._globals
        kept = self._kept | self._globals | (self._assigned.keys() if self._reveals else set())
        self.numbers = {name: f"#{number}" for number, name in enumerate(self._assigned) if name not in kept}

    def _visit(self, node: ast.AST, inner: bool, in_class: bool) -> None:
        """Notes what a node and all below it bind.

        Args:
            node: in the function.
            inner: whether it is in another function, a class or a comprehension in there.
            in_class: whether it is in a class in there.
        """
        bound: str | None = None
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                self._reveals |= node.id in _REVEALING
                return
            bound = node.id
            if in_class:
                self._kept.add(bound)
            else:
                self._assigned[bound] = None
        elif field := _BINDING.get(type(node)):
            bound = getattr(node, field)
            self._kept.add(str(bound))
        elif isinstance(node, _Import):
            for name, target in self._source.targets(node):
                self._kept.add(name)
                self.own.update([] if inner else [name])
                self.imported.setdefault(name, []).append(target)
        elif isinstance(node, ast.Global):
            self._globals.update(node.names)
        if bound is not None and not inner:
            self.own.add(bound)
        inner = inner or isinstance(node, _Def | ast.ClassDef | ast.Lambda | _Comprehension)
        in_class = in_class or isinstance(node, ast.ClassDef)
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.Constant | ast.expr_context):
                self._visit(child, inner, in_class)


def _says_nothing(node: ast.AST) -> bool:
    """``pass``, and constants that stand alone, as docstrings do."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _chain(node: ast.AST) -> list[str]:
    """A name and the attributes that are taken of it; empty where they are of another expression."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


def _executed(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module without those for type checkers."""
    for statement in body:
        if isinstance(statement, ast.If) and _chain(statement.test)[-1:] == ["TYPE_CHECKING"]:
            yield from _executed(statement.orelse)
        else:
            yield statement


def _defined(statement: ast.stmt) -> list[str]:
    """Names that a statement defines; none if that is not all that it does."""
    if isinstance(statement, _Def | ast.ClassDef):
        return [statement.name]
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        targets = [statement.target]
    parts = [part for t in targets for part in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    names = [part.id for part in parts if isinstance(part, ast.Name)]
    return names if len(names) == len(parts) else []

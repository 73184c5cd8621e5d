"""A digest of the code that a piece of work may run, read off the source without importing it.

Snakemake does not see code that a rule imports. Each rule has the digest of what its work reaches as a parameter, and
each training has it as part of its identity, so that a changed metric scores again and trains nothing.

From its entry points, the work reaches every top-level definition that a reached one mentions, in any module of this
project. Importing a module also runs its statements that define nothing, and those of the modules that it imports.
What no one can tell from the source counts as a whole: a module that is used as a value, or that evaluates strings.
Plug-ins that are found by their names at run time must be entry points too.
"""

import hashlib
from functools import cache
from pathlib import Path

from benchmark.runtime.definitions import Definition, Source, join
from benchmark.runtime.paths import ROOT

PACKAGES = ("benchmark", "methods")


class Project:
    """The source code below a folder; what was read once is kept.

    Args:
        root: the folder that holds the packages.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.source = cache(self._source)
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
        for path in (path for package in PACKAGES for path in _files(self._root / package)):
            found.update(f"{path.relative_to(self._root)}\0".encode() + path.read_bytes() + b"\0")
        return found.hexdigest()

    def beside(self, module: str) -> dict[str, str]:
        """Hashes of the files without code in a module's folder and below, by their paths."""
        path = self._file(module)
        assert path is not None, module
        others = (other for other in _files(path.parent) if other.suffix != ".py")
        return {str(p.relative_to(self._root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in others}

    def files(self, *entries: str) -> list[str]:
        """Files with code that the entry points reach, relative to the root, sorted."""
        modules = {key.partition(":")[0] for key in self.reached(*entries)}
        return sorted(str(path.relative_to(self._root)) for path in filter(None, map(self._file, modules)))

    def reached(self, *entries: str) -> dict[str, str]:
        """Text of everything that counts, by ``module:name``; without a name, what runs when a module is imported."""
        reach = _Reach(self)
        for module, name in (part for entry in entries for part in self._expand(entry)):
            reach.enter(module, name)
        return reach.texts()

    def _expand(self, entry: str) -> list[tuple[str, str]]:
        module, _, name = entry.removesuffix(".*").partition(":")
        path = self._file(module)
        if path is None or (name and name not in self.source(module).names):
            raise ModuleNotFoundError(f"no {entry} in this project", name=module)
        if not entry.endswith(".*"):
            return [(module, name)]
        return [(f"{module}.{p.stem}", "") for p in sorted(path.parent.glob("*.py")) if p.stem != "__init__"]

    def has(self, module: str) -> bool:
        """Whether there is such a module."""
        return self._file(module) is not None

    def _find(self, module: str) -> Path | None:
        parts = module.split(".")
        path = self._root.joinpath(*parts)
        candidates = [path.with_suffix(".py"), path / "__init__.py"] if parts[0] in PACKAGES else []
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def _source(self, module: str) -> Source:
        path = self._file(module)
        assert path is not None, module
        return Source(module, path.read_bytes(), path.stem == "__init__")


class _Reach:
    """What entry points reach, as far as it was followed."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._found: dict[str, Definition] = {}
        self._others: dict[str, str] = {}  # exported names, and files without code
        self._imported: set[str] = set()
        self._seen: set[str] = set()
        self._waiting: list[str] = []

    def enter(self, module: str, name: str) -> None:
        """Begins at an entry point."""
        self._import(module)
        for defined in [name] if name else self._project.source(module).names:
            self._define(module, defined)

    def texts(self) -> dict[str, str]:
        """Follows all references; the texts of what was found, by ``module:name``."""
        while self._waiting:
            self._follow(self._waiting.pop())
            if not self._waiting and any(definition.finds_subclasses for definition in self._found.values()):
                for module in sorted(self._imported):
                    for name in self._project.source(module).classes:
                        self._define(module, name)
        return {key: found.text for key, found in self._found.items()} | self._others

    def _follow(self, reference: str) -> None:
        module, _, rest = reference.partition(":")
        if reference in self._seen or not self._project.has(module):
            return  # the latter: a builtin, or another project's
        self._seen.add(reference)
        self._import(module)
        name, _, attributes = rest.partition(".")
        source, submodule = self._project.source(module), f"{module}.{name}"
        is_module = name != "" and self._project.has(submodule)
        if name in source.names:
            self._define(module, name)
        for target in source.imported.get(name, ()):
            self._export(module, name, target, attributes)
        if is_module:
            self._waiting.append(f"{submodule}:{attributes}")
        elif name not in source.names and name not in source.imported:
            self._whole(module)

    def _whole(self, module: str) -> None:
        """Everything in a module, also what it imports."""
        source = self._project.source(module)
        for name in source.names:
            self._define(module, name)
        for name, targets in source.imported.items():
            for target in targets:
                self._export(module, name, target, "")

    def _export(self, module: str, name: str, target: str, attributes: str) -> None:
        self._others[f"{module}:{name} is {target}"] = ""
        self._waiting.append(join(target, attributes) if attributes else target)

    def _import(self, module: str) -> None:
        """What runs when a module is imported, first the packages around it."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            part = ".".join(parts[:length])
            if part not in self._imported and self._project.has(part):
                self._imported.add(part)
                source = self._project.source(part)
                for other in source.imports:
                    self._import(other)
                self._add(f"{part}:", source.effects)

    def _define(self, module: str, name: str) -> None:
        if f"{module}:{name}" not in self._found:
            self._add(f"{module}:{name}", self._project.source(module).definition(name))

    def _add(self, key: str, definition: Definition) -> None:
        self._found[key] = definition
        self._waiting += definition.references
        for module in definition.imports:
            self._import(module)
        if definition.reads_files:
            self._others |= self._project.beside(key.partition(":")[0])
        if definition.dynamic:
            self._whole(key.partition(":")[0])


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


_PROJECT = Project(ROOT)
code_digest = _PROJECT.digest
code_behind = _PROJECT.files
source_fingerprint = _PROJECT.fingerprint

"""Which files of this project a module's behaviour depends on, read off the source without importing it.

Snakemake does not see code that a rule imports. Rules have the digest of these files as a parameter, so that a changed
metric reruns scoring and nothing else. (As inputs, sixty files a job would bury what Snakemake prints.)
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from benchmark.runtime.paths import ROOT

PACKAGES = ("benchmark", "methods")


def code_behind(*modules: str) -> list[str]:
    """Files of the modules and of everything of this project that they import, directly or not.

    Args:
        modules: dotted names; ``package.*`` stands for every module directly in a package.

    Returns:
        Sorted paths relative to the project root.

    Raises:
        ModuleNotFoundError: a name is no module of this project.
    """
    todo = [name for module in modules for name in _expand(module)]
    found: set[Path] = set()
    while todo:
        path = _file(todo.pop())
        if path not in found:
            found.add(path)
            todo += _imports(path)
    return sorted(str(path.relative_to(ROOT)) for path in found)


def code_digest(*modules: str) -> str:
    """SHA-256 over names and contents of :func:`code_behind`."""
    digest = hashlib.sha256()
    for name in code_behind(*modules):
        digest.update(f"{name}\0".encode() + _content(ROOT / name) + b"\0")
    return digest.hexdigest()


@cache
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _expand(module: str) -> list[str]:
    if not module.endswith(".*"):
        return [module]
    folder = ROOT.joinpath(*module[:-2].split("."))
    return [f"{module[:-2]}.{p.stem}" for p in sorted(folder.glob("*.py")) if p.stem != "__init__"]


def _file(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    raise ModuleNotFoundError(f"no module {module} in this project", name=module)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_imported(ast.parse(_content(path)))))


def _imported(tree: ast.Module) -> Iterator[str]:
    """Modules of this project named in import statements anywhere in the file, with the packages above them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] in PACKAGES:
                for length in range(1, len(parts) + 1):
                    module = ".".join(parts[:length])
                    if _is_module(module):
                        yield module


@cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()

"""Which changes of the code change the digest of what runs it."""

import sys
from pathlib import Path

import pytest

from benchmark.runtime.code_digest import ROOT, Project, code_behind, code_digest

ENTRY = "benchmark.work:run"
FILES = {
    "benchmark/__init__.py": "",
    "methods/__init__.py": "",
    "benchmark/work.py": "from benchmark.tools import help\ndef run():\n    return help(3)\ndef other():\n    return 5\n",
    "benchmark/tools.py": "def help(n):\n    return n + STEP\ndef unused():\n    return 7\nSTEP = 1\n",
}


def project(folder: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()
    return Project(folder)


def differs(folder: Path, files: dict[str, str], name: str, old: str, new: str, *entries: str) -> bool:
    """Whether the digest is another after a change of one file."""
    files = FILES | files
    assert old in files[name]
    before = project(folder, files).digest(*entries or [ENTRY])
    return project(folder, {name: files[name].replace(old, new)}).digest(*entries or [ENTRY]) != before


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("def run():\n    return 1\n", "return 1", "return 1  # one"),
        ("def run():\n    return 1\n", "return", '"""Gives one."""\n    return'),
        ("def run():\n    return f(1, 2)\n", "f(1, 2)", "f(\n        1,\n        2,\n    )"),
        ("def run(n):\n    return n\n", "(n)", "(n: 'int') -> int"),
        ("def run():\n    n = 1\n    return n\n", "n = 1", "n: int = 1"),
        ("X = 1\ndef run():\n    return X\n", "X = 1", "X: int = 1"),
        ("def run():\n    n = 1\n    return n\n", " n", " count"),
        ("def run():\n    return [n for n in ()]\n", "n for n", "item for item"),
        ("def run():\n    n = 1\n    return lambda k: n\n", " n", " count"),
        ("def run():\n    return 1\ndef other():\n    return 1\n", "def other():\n    return 1", "y = 2"),
        ("import numpy as np\ndef run():\n    return np.pi\n", "np", "numpy"),
        ("import os\ndef run():\n    return 1\ndef f():\n    return os\n", "os", "sys"),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\ndef run():\n    return 1\n",
            "pass",
            "import ast",
        ),
        ("class A:\n    '''One.'''\n    def f(self) -> int: ...\ndef run():\n    return A\n", "One", "Two"),
    ],
    ids=[
        "comment", "docstring", "formatting", "annotations of a function", "annotation of a variable",
        "annotation of a constant", "renamed local", "renamed item", "renamed local of a closure", "other definition",
        "renamed import", "import of another definition", "import for type checkers", "docstring of a class",
    ],
)  # fmt: skip
def test_what_does_not_change_the_work_does_not_change_its_digest(tmp_path, text, old, new):
    assert not differs(tmp_path, {"benchmark/work.py": text}, "benchmark/work.py", old, new)


A = "benchmark/a.py"


@pytest.mark.parametrize(
    ("work", "a", "old", "new"),
    [
        ("from benchmark.a import f\ndef run():\n    return f()\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark.a import f as g\ndef run():\n    return g()\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark import a\ndef run():\n    return a.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark import a as b\ndef run():\n    return b.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("import benchmark.a\ndef run():\n    return benchmark.a.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("import benchmark.a as b\ndef run():\n    return b.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("from . import a\ndef run():\n    return a.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("from .a import f\ndef run():\n    return f()\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark.a import *\ndef run():\n    return f()\n", "def f():\n    return 1\n", "1", "2"),
        ("def run():\n    from benchmark.a import f\n    return f()\n", "def f():\n    return 1\n", "1", "2"),
        ("def run():\n    from benchmark import a\n    return a.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("def run():\n    import benchmark.a\n    return benchmark.a.f()\n", "def f():\n    return 1\n", "1", "2"),
        ("def run():\n    import benchmark.a\n", "f()\n", "f", "g"),
        ("from benchmark import a\ndef run():\n    return getattr(a, 'f')\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark import a\ndef run():\n    b = a\n    return b.f()\n", "def f():\n    return 1\n", "1", "2"),
        (
            "from importlib import import_module\ndef run():\n    return import_module('x')\ndef f():\n    return a.X\n"
            "from benchmark import a",
            "X = 1\n",
            "1",
            "2",
        ),
        ("from benchmark.a import A\nclass B(A):\n    pass\ndef run():\n    return B\n", "class A:\n    n = 1\n", "1", "2"),
        ("from benchmark.a import A\ndef run():\n    return A().f()\n", "class A:\n    def f(self): return 1\n", "1", "2"),
        ("from benchmark.a import A\ndef run():\n    return A.n\n", "class A:\n    n = 1\n", "1", "2"),
        ("from benchmark.a import d\n@d\ndef run():\n    return 1\n", "def d(f):\n    return 1\n", "1", "2"),
        ("from benchmark.a import f\ndef run():\n    return map(f, [])\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark.a import f\nF = {'f': f}\ndef run():\n    return F\n", "def f():\n    return 1\n", "1", "2"),
        ("from benchmark.a import X\ndef run(n=X):\n    return n\n", "X = 1\n", "1", "2"),
        ("from benchmark.a import X\ndef run(X=X):\n    return X\n", "X = 1\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return [X for X in ()], X\n", "X = 1\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return (lambda X: 1), X\n", "X = 1\n", "1", "2"),
        ("from benchmark.a import X\nclass A:\n    X = X\ndef run():\n    return A\n", "X = 1\n", "1", "2"),
        ("from benchmark.a import X, Y\ndef run():\n    return Y\n", "X, Y = 1, 2\n", "2", "3"),
        ("from benchmark.a import X\ndef run():\n    return X\n", "X = []\nX += [1]\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return X\n", "X = 1\nif X:\n    X = 2\n", "2", "3"),
        ("from benchmark.a import X\ndef run():\n    return X\n", "try:\n    X = 1\nfinally:\n    pass\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return 1\n", "X = {}\nX['a'] = 1\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return 1\n", "X = f(1)\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return 1\n", "X = 3\nprint(1)\n", "1", "2"),
        ("from benchmark.a import X\ndef run():\n    return 1\n", "X = 3\nimport os\n", "os", "sys"),
        ("from benchmark.a import X\ndef run():\n    return X\n", "import os as X\n", "os", "sys"),
        ("from benchmark.a import X\ndef run():\n    return 1\n", "X = 3\n@X\ndef f():\n    return 1\n", "1", "2"),
        ("from benchmark.a import A\ndef run():\n    return A.__subclasses__()\n", "class A:\n    pass\nclass B(A):\n    n = 1\n", "1", "2"),
        (
            "from benchmark.a import A\ndef run():\n    return A\n",
            "from dataclasses import dataclass, field\nN = 1\n@dataclass\nclass A:\n    n: int = field(default=N)\n",
            "N = 1",
            "N = 2",
        ),
        (
            "from benchmark.a import A\ndef run():\n    return A\n",
            "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: 'int'\n",
            "int",
            "str",
        ),
        (
            "from benchmark.a import A\ndef run():\n    return A\n",
            "from dataclasses import dataclass\nclass B:\n    n = 1\n@dataclass\nclass A:\n    b: 'list[B]'\n",
            "n = 1",
            "n = 2",
        ),
        ("from benchmark.a import f\ndef run():\n    return f()\n", "def f():\n    global N\n    N = 1\nN = 2\n", "N = 2", "N = 3"),
        ("from benchmark.a import f\ndef run():\n    return f\n", "def f(n):\n    return n\n", "(n):\n    return n", "(m):\n    return m"),
        ("from benchmark.a import f\ndef run():\n    return f\n", "def f():\n    n = 1\n    return vars()\n", "n =", "m ="),
        ("from benchmark.a import f\ndef run():\n    return f\n", "from numpy import max as m\ndef f():\n    return m\n", "max", "min"),
        (
            "from benchmark.a import f\ndef run():\n    return f\n",
            "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n = 2\n    return n\n",
            "nonlocal n",
            "pass",
        ),
    ],
)  # fmt: skip
def test_what_may_change_the_work_changes_its_digest(tmp_path, work, a, old, new):
    assert differs(tmp_path, {"benchmark/work.py": work, A: a}, A, old, new)


def test_a_name_is_followed_through_packages_that_export_it(tmp_path):
    files = {
        "benchmark/work.py": "from benchmark.sub import f\ndef run():\n    return f()\n",
        "benchmark/sub/__init__.py": "from benchmark.sub.f import f\nfrom benchmark.sub.g import g\n",
        "benchmark/sub/f.py": "def f():\n    return 1\n",
        "benchmark/sub/g.py": "def g():\n    return 1\ndef f():\n    return 1\n",
    }
    assert differs(tmp_path, files, "benchmark/sub/f.py", "1", "2")
    assert not differs(tmp_path, files, "benchmark/sub/g.py", "1", "2")
    assert differs(tmp_path, files, "benchmark/sub/__init__.py", "sub.f import", "sub.g import")


def test_importing_a_function_from_elsewhere_counts_also_where_both_are_reached(tmp_path):
    files = {
        "benchmark/work.py": "from benchmark import a, b\nfrom benchmark.a import f\ndef run():\n    return f, a.f, b.f\n",
        "benchmark/a.py": "def f():\n    return 1\n",
        "benchmark/b.py": "def f():\n    return 2\n",
    }
    assert differs(tmp_path, files, "benchmark/work.py", "benchmark.a import", "benchmark.b import")


def test_what_a_module_does_when_it_is_imported_counts_with_all_that_it_uses(tmp_path):
    files = {
        "benchmark/work.py": "from benchmark.a import X\ndef run():\n    return X\n",
        "benchmark/a.py": "import benchmark.sub.b\nX = 1\n",
        "benchmark/sub/b.py": "from benchmark.c import f\nf()\n",
        "benchmark/c.py": "def f():\n    return 1\ndef g():\n    return 3\n",
    }
    assert differs(tmp_path, files, "benchmark/c.py", "1", "2")
    assert not differs(tmp_path, files, "benchmark/c.py", "3", "4")
    assert differs(tmp_path, files, "benchmark/sub/b.py", "f()", "f(1)")


def test_an_entry_may_be_a_module_or_all_modules_of_a_package(tmp_path):
    found = project(tmp_path, FILES | {"methods/m.py": "import benchmark.tools\nX = 1\n", "methods/n.py": "Y = 1\n"})
    assert found.files(ENTRY, "methods.m") == [
        "benchmark/__init__.py", "benchmark/tools.py", "benchmark/work.py", "methods/__init__.py", "methods/m.py",
    ]  # fmt: skip
    assert {"methods/m.py", "methods/n.py"} <= set(found.files("methods.*"))
    assert {"methods.m:X", "methods.n:Y"} <= set(found.reached("methods.*"))
    assert "benchmark.tools:unused" not in found.reached(ENTRY)


@pytest.mark.parametrize("entry", ["benchmark.nothing", "benchmark.work:nothing", "numpy:array"])
def test_an_unknown_entry_is_an_error(tmp_path, entry):
    with pytest.raises(ModuleNotFoundError):
        project(tmp_path, FILES).digest(entry)

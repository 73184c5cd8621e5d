"""Which changes of the code change the digest of what runs it."""

import ast
import re
import shutil
from pathlib import Path

import pytest
from changed_project import PROJECT, Changed

from benchmark.runtime.code_digest import PACKAGES, ROOT, Project, code_behind, code_digest

ENTRY = "benchmark.work:run"
WORK, A = "benchmark/work.py", "benchmark/a.py"


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
    assert old in files[name]
    before = project(folder, files).digest(*entries or [ENTRY])
    return project(folder, {name: files[name].replace(old, new)}).digest(*entries or [ENTRY]) != before


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        pytest.param("def run():\n    return 1", "return 1", "return 1  # one", id="comment"),
        pytest.param("def run():\n    return 1", "return", "'Gives one.'\n    return", id="docstring"),
        pytest.param("def run():\n    return f(1, 2)", "f(1, 2)", "f(\n        1,\n        2,\n    )", id="formatting"),
        pytest.param("def run(n):\n    return n", "(n)", "(n: 'int') -> int", id="annotations of a function"),
        pytest.param("def run():\n    n = 1\n    return n", "n = 1", "n: int = 1", id="annotation of a local"),
        pytest.param("X = 1\ndef run():\n    return X", "X = 1", "X: int = 1", id="annotation of a constant"),
        pytest.param("def run():\n    n = 1\n    return n", " n", " count", id="renamed local"),
        pytest.param("def run():\n    return [n for n in ()]", "n for n", "item for item", id="renamed item"),
        pytest.param("def run():\n    n = 1\n    return lambda k: n", " n", " count", id="renamed local of a closure"),
        pytest.param("def run():\n    return 1\ndef f():\n    return 2", "2", "3", id="another function"),
        pytest.param("import os\ndef run():\n    return 1\nX = os", "os", "sys", id="import for another definition"),
        pytest.param(
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\ndef run():\n    return 1",
            "pass",
            "import ast",
            id="import for type checkers",
        ),
        pytest.param("class A:\n    'One.'\ndef run():\n    return A", "One", "Two", id="docstring of a class"),
    ],
)
def test_what_does_not_change_the_work_does_not_change_its_digest(tmp_path, text, old, new):
    assert not differs(tmp_path, {WORK: text}, WORK, old, new)


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("from benchmark.a import f", "return f()"),
        ("from benchmark.a import f as g", "return g()"),
        ("from benchmark import a", "return a.f()"),
        ("from benchmark import a as b", "return b.f()"),
        ("import benchmark.a", "return benchmark.a.f()"),
        ("import benchmark.a as b", "return b.f()"),
        ("from . import a", "return a.f()"),
        ("from .a import f", "return f()"),
        ("try:\n    from benchmark.a import f\nexcept ImportError:\n    f = None", "return f()"),
        ("", "from benchmark.a import f; return f()"),
        ("", "from benchmark import a; return a.f()"),
        ("", "import benchmark.a; return benchmark.a.f()"),
        ("", "import benchmark.a as b; return [b.f() for _ in ()]"),
        ("from benchmark import a", "return getattr(a, 'f')"),
        ("from benchmark import a", "b = a; return b.f()"),
        ("from benchmark.a import f", "return map(f, [])"),
        ("from benchmark.a import f\nF = {'f': f}", "return F['f']()"),
        ("from benchmark.a import f\nclass A:\n    g = f", "return A"),
        ("from benchmark.a import f", "return [f for f in ()], f()"),
        ("from benchmark.a import f", "return (lambda f: 1), f()"),
        ("from benchmark.a import f", "g = lambda: __import__('os').f; f()"),
        ("from benchmark.a import f\ndef g():\n    return f()", "return eval('g()')"),
        ("from importlib import import_module\nfrom benchmark.a import f", "import_module('x')"),
        ("import importlib\nfrom benchmark.a import f", "importlib.import_module('x')"),
    ],
)
def test_a_function_is_found_in_every_way_to_reach_it(tmp_path, imports, body):
    work = f"{imports}\ndef run():\n    {body}\n"
    assert differs(tmp_path, {WORK: work, A: "def f():\n    return 1"}, A, "1", "2")


@pytest.mark.parametrize(
    ("reached", "text", "old", "new"),
    [
        ("A", "class B:\n    n = 1\nclass A(B):\n    pass", "1", "2"),
        ("A().f()", "class A:\n    def f(self):\n        return 1", "1", "2"),
        ("A", "def d(cls):\n    return 1\n@d\nclass A:\n    pass", "1", "2"),
        ("A", "X = 1\nclass A:\n    X = X", "1", "2"),
        ("A", "from dataclasses import dataclass\nN = 1\n@dataclass\nclass A:\n    n: int = N", "N = 1", "N = 2"),
        ("A", "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: 'int'", "int", "str"),
        ("f", "X = 1\ndef f(n=X):\n    return n", "1", "2"),
        ("f", "X = 1\ndef f(X=X):\n    return X", "1", "2"),
        ("f", "def d(f):\n    return 1\n@d\ndef f():\n    pass", "1", "2"),
        ("f", "def d(f):\n    return f\n@d\ndef f(n: int):\n    pass", "int", "str"),
        ("f", "def f():\n    global N\n    N = 1\nN = 2", "2", "3"),
        ("f", "N = 1\ndef f():\n    def g():\n        from os import sep as N\n    return N", "1", "2"),
        (
            "f",
            "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n = 2\n    return n",
            "nonlocal n",
            "pass",
        ),
        ("f", "def f(n):\n    return 1", "(n)", "(m)"),
        ("f", "from numpy import max as m\ndef f():\n    return m", "max", "min"),
        ("f", "import os as m\ndef f():\n    return m", "os", "sys"),
        ("X", "import os as X", "os", "sys"),
        ("Y", "X, Y = 1, 2", "2", "3"),
        ("X", "X = []\nX += [1]", "1", "2"),
        ("X", "X = 1\nif X:\n    X = 2", "2", "3"),
        ("X", "try:\n    X = 1\nfinally:\n    pass", "1", "2"),
        ("None", "X = {}\nX['a'] = 1", "1", "2"),
    ],
)
def test_what_may_change_the_work_changes_its_digest(tmp_path, reached, text, old, new):
    work = f"from benchmark import a\ndef run():\n    return {reached if reached == 'None' else f'a.{reached}'}\n"
    assert differs(tmp_path, {WORK: work, A: text}, A, old, new)


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
        WORK: "from benchmark import a, b\nfrom benchmark.a import f\ndef run():\n    return f, a.f, b.f\n",
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


def test_the_fingerprint_changes_with_any_file(tmp_path):
    found = {project(tmp_path, {WORK: text, "benchmark/x.csv": data}).fingerprint() for text in "ab" for data in "ab"}
    assert len(found) == 4


def test_an_entry_may_be_a_function_a_module_or_all_modules_of_a_package(tmp_path):
    files = {
        WORK: "from benchmark.a import f\ndef run():\n    return f()\ndef other():\n    return 1",
        A: "def f():\n    return 1\ndef unused():\n    return 1",
        "methods/m.py": "from benchmark.a import f\nX = f\nY = 1",
        "methods/n.py": "Z = 1",
    }
    found = project(tmp_path, files)
    inits = ["benchmark/__init__.py", "methods/__init__.py"]
    assert found.files(ENTRY) == [inits[0], A, WORK]
    assert found.files("methods.m") == [inits[0], A, inits[1], "methods/m.py"]
    assert {"methods.m:X", "methods.m:Y", "methods.n:Z"} <= set(found.reached("methods.*"))
    assert not {"benchmark.work:other", "benchmark.a:unused"} & set(found.reached(ENTRY, "methods.*"))


@pytest.mark.parametrize("entry", ["benchmark.nothing", "benchmark.work:nothing", "numpy:array"])
def test_an_unknown_entry_is_an_error(tmp_path, entry):
    with pytest.raises(ModuleNotFoundError):
        project(tmp_path, {WORK: "X = 1"}).digest(entry)


TRAIN = ("benchmark.pipeline.training:train_cell", "methods.segrenorm")
PREPARE = ("benchmark.preparation.prepare:prepare_subject", "benchmark.archives.readers.ixi")
SCORE = ("benchmark.pipeline.scoring:score_cell", "benchmark.metrics.kid")
TABLES = ("benchmark.reporting.tables:make_tables",)


def digests(project: Project) -> dict[tuple[str, ...], str]:
    return {work: project.digest(*work) for work in (TRAIN, PREPARE, SCORE, TABLES)}


@pytest.fixture(scope="module")
def before() -> dict[tuple[str, ...], str]:
    return digests(PROJECT)


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [
        ("benchmark/networks/generator.py", r"\nclass ", r"\n# A comment.\nclass ", set()),
        ("benchmark/runtime/errors.py", r"\nclass ", r"\n# A comment.\nclass ", set()),
        ("benchmark/judges/segmentor.py", r"\ndef ", r"\n# A comment.\ndef ", set()),
        ("benchmark/data/sampling.py", r"\ndef ", r"\ndef added():\n    return 1\n\n\ndef ", set()),
        ("benchmark/methods/objective.py", r"\bloss\b", "renamed", set()),
        ("benchmark/methods/objective.py", r"0\.5 \*", "0.25 *", {TRAIN}),
        ("benchmark/metrics/kid.py", '"kid"', '"other"', {SCORE}),
        ("benchmark/reporting/formats.py", "\n    return ", "\n    changed = 1\n    return ", {TABLES}),
        ("benchmark/preparation/quality.py", "\n    return ", "\n    changed = 1\n    return ", {PREPARE}),
        ("methods/segrenorm.py", "\n        return ", "\n        changed = 1\n        return ", {TRAIN}),
    ],
)
def test_what_a_change_of_this_project_makes_again(before, file, old, new, changed):
    text = (ROOT / file).read_text()
    assert re.search(old, text)
    after = digests(Changed(ROOT / file, re.sub(old, new, text)))
    assert {work for work in before if before[work] != after[work]} == changed


def test_this_project_without_comments_and_in_another_format_is_the_same(before, tmp_path):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in tmp_path.rglob("*.py"):
        path.write_text(ast.unparse(ast.parse(path.read_text())))
    assert digests(Project(tmp_path)) == before


def test_what_finds_code_by_names_is_known():
    """Each of these must be an entry point where what it finds is used, as methods, metrics and readers are."""
    found = set()
    for path in sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found |= {module for part in PROJECT.module(module).parts.values() if part.finds}
    assert found == {
        "benchmark.archives.readers",
        "benchmark.cli.steps",
        "benchmark.config.plugins",
        "benchmark.phantoms.generate",
    }


def test_the_digest_of_this_project_is_made_of_this_project():
    assert "benchmark/training/loop.py" in code_behind(*TRAIN)
    assert code_digest(*TRAIN) == Project(ROOT).digest(*TRAIN)

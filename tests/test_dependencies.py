"""The files that a rule depends on, read off the imports."""

from pathlib import Path

import pytest

from benchmark.runtime import code_digest as module
from benchmark.runtime.code_digest import code_behind, code_digest


@pytest.fixture
def project(tmp_path, monkeypatch):
    files = {
        "benchmark/__init__.py": "",
        "benchmark/a.py": "from benchmark import b\nimport numpy",
        "benchmark/b.py": "def f():\n    from benchmark.sub.c import x\n    return x",
        "benchmark/d.py": "",
        "benchmark/sub/__init__.py": "",
        "benchmark/sub/c.py": "import benchmark.a\nx = 1",
        "methods/__init__.py": "",
        "methods/m.py": "import benchmark.d",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (module._imports, module._is_module, module._content):
        cached.cache_clear()


def test_follows_imports_through_functions_packages_and_cycles(project: Path):
    assert code_behind("benchmark.a") == [
        "benchmark/__init__.py",
        "benchmark/a.py",
        "benchmark/b.py",
        "benchmark/sub/__init__.py",
        "benchmark/sub/c.py",
    ]


def test_leaves_out_what_is_not_imported(project: Path):
    assert code_behind("methods.m") == ["benchmark/__init__.py", "benchmark/d.py", "methods/m.py"]


def test_star_takes_every_module_of_a_package(project: Path):
    assert "benchmark/sub/c.py" in code_behind("benchmark.sub.*")


def test_unknown_module_is_an_error(project: Path):
    with pytest.raises(ModuleNotFoundError):
        code_behind("benchmark.nothing")


def test_digest_changes_with_code_behind_and_with_nothing_else(project: Path):
    before = code_digest("benchmark.a")
    forget()
    (project / "benchmark/d.py").write_text("x = 1")
    assert code_digest("benchmark.a") == before
    forget()
    (project / "benchmark/sub/c.py").write_text("x = 2")
    assert code_digest("benchmark.a") != before

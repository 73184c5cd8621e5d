"""The files that a rule depends on, read off the imports."""

from pathlib import Path

import pytest

from benchmark import dependencies
from benchmark.dependencies import code_behind


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
    monkeypatch.setattr(dependencies, "ROOT", tmp_path)
    dependencies._imports.cache_clear()
    dependencies._is_module.cache_clear()
    yield tmp_path
    dependencies._imports.cache_clear()
    dependencies._is_module.cache_clear()


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

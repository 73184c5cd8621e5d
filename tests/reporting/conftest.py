import subprocess
import sys

import fake_benchmark as fake
import pytest
from made_once import made_once

from benchmark.reporting.results import Results
from benchmark.runtime.paths import ROOT

RENDER = """
import sys
from pathlib import Path
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.reporting import figures, page, tables

config = BenchmarkConfig.model_validate_json(Path("config.json").read_text())
tables.make_tables(config)
figures.make_figures(config)
page.make_page(config)
assert "torch" not in sys.modules, "reports must not wait for PyTorch"
"""

RENDERED = fake.Tree(datasets=("msseg",))


@pytest.fixture(scope="session")
def tree_root(tmp_path_factory):
    """A benchmark tree, written once; see ``fake_benchmark``."""

    def write(root):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(root)
            fake.write(root, fake.Tree())

    return made_once(tmp_path_factory, "tree", write)


@pytest.fixture
def config(tree_root, monkeypatch):
    """The tree's benchmark, with the tree as working directory."""
    monkeypatch.chdir(tree_root)
    return fake.config(fake.Tree())


@pytest.fixture(scope="session")
def session_results(tree_root):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree_root)
        made = Results.load(fake.config(fake.Tree()))
        # Kept by the object, so that it does not depend on the working directory from here on.
        assert made.datasets
        assert made.pairs
        assert made.methods
    return made


@pytest.fixture(scope="module")
def cache():
    """What the tests of a module make once."""
    return {}


@pytest.fixture
def results(config, session_results):
    return session_results


@pytest.fixture(scope="session")
def rendered_root(tmp_path_factory):
    """Everything of a smaller tree made once, in a process of its own."""

    def render(root):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(root)
            made = fake.write(root, RENDERED)
        (root / "config.json").write_text(made.model_dump_json())
        command = [sys.executable, "-c", RENDER]
        environment = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "rendered", render)


@pytest.fixture
def rendered(rendered_root, monkeypatch):
    """The config of what was rendered, with its tree as working directory."""
    monkeypatch.chdir(rendered_root)
    return fake.config(RENDERED)

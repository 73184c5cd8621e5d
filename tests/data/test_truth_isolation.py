"""No method and no judge can see the truth: nothing that they import, however indirectly, can read it."""

import ast
from pathlib import Path

import pytest

from benchmark.runtime.code_digest import ROOT, code_behind

READER = "benchmark/data/truth.py"
# The harness hands it to controls that declare `needs_truth`, metrics compare with it, and the preparation writes it.
# What makes up subjects, to measure times on, writes theirs.
MAY_IMPORT = {
    "benchmark/pipeline/harmonization.py",
    "benchmark/metrics/view.py",
    "benchmark/preparation/collect.py",
    "benchmark/monitoring/plan/synthetic.py",
}
MAY_NAME = {"benchmark/pipeline/jobs.py"}
"""What says which jobs leave which files, and opens none."""


def importers() -> set[str]:
    found = set()
    for path in [*ROOT.glob("benchmark/**/*.py"), *ROOT.glob("methods/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            if "benchmark.data.truth" in names:
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_only_metrics_harness_and_preparation_import_it():
    assert importers() == MAY_IMPORT


@pytest.mark.parametrize("package", ["methods.*", "benchmark.methods.*", "benchmark.judges.*", "benchmark.networks.*"])
def test_nothing_behind_methods_and_judges_can_read_it(package):
    behind = code_behind(package)
    assert len(behind) > 3
    assert READER not in behind
    assert not any(name.startswith(("benchmark/metrics/", "benchmark/preparation/")) for name in behind)


def test_the_file_is_named_in_one_place():
    """Whoever would open it otherwise has to ask the layout for its path."""
    named = [
        p.relative_to(ROOT).as_posix()
        for p in [*ROOT.glob("benchmark/**/*.py"), *ROOT.glob("methods/**/*.py")]
        if any(
            isinstance(n, ast.Constant) and n.value == "truth.h5"
            for n in ast.walk(ast.parse(Path(p).read_text("utf-8")))
        )
    ]
    assert named == ["benchmark/runtime/paths.py"]
    asked = {
        p.relative_to(ROOT).as_posix() for p in ROOT.glob("benchmark/**/*.py") if "paths.truth(" in p.read_text("utf-8")
    } | {p.relative_to(ROOT).as_posix() for p in ROOT.glob("methods/**/*.py") if "paths" in p.read_text("utf-8")}
    assert asked == MAY_IMPORT | MAY_NAME

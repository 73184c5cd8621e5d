"""Faulty methods beside healthy ones: each fails alone, with its reason in its row; a bug of ours stops the run."""

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from copied_project import call, copied_project

from benchmark.results import scores

pytestmark = pytest.mark.snakemake

DATASET, PAIR = "retouch_phantom_tiny", "CR-SP"
CELLS = Path(f"results/faulty/cells/{DATASET}/{PAIR}/fold-0")
CONFIG = "config/faulty.yaml"
METHOD = '''
"""A faulty method."""

import ctypes
import os
import time

import numpy as np

from benchmark.methods.base import Direction
from benchmark.methods.classical import ClassicalMethod


class Faulty(ClassicalMethod):
    """One of its methods does what it must not."""

    name = "{name}"
    title = "Faulty: {name}"
    reference = "none"
    kind = "{kind}"
    has_backward = {backward}

    def fit(self, train, context):
        {fit}

    def translate(self, images, direction=Direction.FORWARD):
        if direction is Direction.BACKWARD:
            {back}
        {forward}

    def harmonize(self, images):
        return images
'''
HEALTHY = ("identity", "oracle", "healthy")
FAULTY = {
    "raising": {"kind": "learned", "fit": 'raise ValueError("no\\n such contrast")'},
    "crashing": {"kind": "learned", "fit": "ctypes.string_at(0)"},
    "exiting": {"forward": "os._exit(0)"},
    "hanging": {"forward": "time.sleep(10**6)"},
    "poisoning": {"forward": "return np.where(images > 0, np.nan, images)"},
    "backfiring": {"backward": True, "back": 'return {}["no such direction"]'},
    "collapsing": {"backward": True, "back": "os.abort()"},
}
REASONS = {
    "raising": "ValueError: no such contrast",
    "crashing": "crashed (SIGSEGV)",
    "exiting": "ended its process (exit code 0)",
    "hanging": "did not end within its limit of 0.5 minutes",
    "poisoning": "translate() gave values that are not finite (subject ",
    "backfiring": "KeyError: 'no such direction'",
    "collapsing": "crashed (SIGABRT)",
}


def method(name, kind="classical", fit="pass", forward="return images.copy()", back="pass", backward=False):
    return METHOD.format(name=name, kind=kind, fit=fit, forward=forward, back=back, backward=backward)


def snakemake(project, *targets, succeed=True):
    return call(project, "snakemake", *targets, "--cores", "2", "--configfile", CONFIG, succeed=succeed)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    copy = copied_project(tmp_path_factory.mktemp("faulty") / "project")
    for name, parts in {**FAULTY, "healthy": {"kind": "learned", "backward": True, "back": "return images"}}.items():
        (copy / f"methods/{name}.py").write_text(method(name, **parts))
    config = yaml.safe_load((copy / "config/smoke.yaml").read_text())
    config |= {
        "benchmark": "faulty",
        "datasets": {DATASET: {"folds": [0]}},
        "methods": {name: {} for name in (*HEALTHY, *FAULTY)},
        "proposed": "healthy",
        "limits": {"harmonize_minutes": 0.5},
    }
    (copy / CONFIG).write_text(yaml.safe_dump(config))
    return copy


@pytest.fixture(scope="module")
def ran(project):
    return snakemake(project)


def test_each_has_its_reason_on_the_leaderboard_and_all_others_their_scores(project, ran):
    board = pd.read_csv(project / "results/faulty/leaderboard.csv").set_index("method")
    print(board[["cells", "cells_expected", "dice", "reason"]].to_string())
    for name, reason in REASONS.items():
        assert board.loc[name, "reason"].startswith(reason), name
        assert board.loc[name, "cells"] == (name == "backfiring"), name
    assert board.loc["backfiring", "dice"] == board.loc["identity", "dice"]  # its images are the source's
    for name in HEALTHY:
        assert pd.isna(board.loc[name, "reason"])
        assert (board.loc[name, "cells"], board.loc[name, "cells_expected"]) == (1, 1)
        assert board.loc[name, ["kid", "dice"]].notna().all()
    assert board.loc["healthy", "sensitivity_auc_mse"] > 0


def test_every_number_of_a_failed_cell_has_the_reason(project, ran):
    table = scores.read(project / "results/faulty/scores.csv")
    for name in set(FAULTY) - {"backfiring"}:
        rows = table[table["method"] == name]
        assert set(rows["status"]) == {"failed"}, name
        assert rows["reason"].str.startswith(REASONS[name]).all()
    rows = table[table["method"] == "backfiring"]
    failed = rows["status"] == "failed"
    assert rows.loc[failed, "metric"].str.startswith("sensitivity").all()
    assert (rows.loc[~failed & rows["metric"].isin(["dice", "kid"]), "status"] == "ok").all()


def test_tables_and_page_show_the_reasons(project, ran):
    board, page = (project / f"reports/faulty/{name}.html" for name in ("leaderboard", "index"))
    for name in FAULTY:
        assert REASONS[name].partition("(subject")[0].split("'")[0] in board.read_text(), name
        assert f"Faulty: {name}" in page.read_text()


def test_records_say_in_which_job_it_failed(project, ran):
    def record(name, file):
        return json.loads((project / CELLS / name / "seed-0" / file).read_text())

    for name in ("raising", "crashing"):
        assert record(name, "run.json")["status"] == "failed"
    for name in set(FAULTY) - {"raising", "crashing", "backfiring", "collapsing"}:
        assert record(name, "harmonize.json")["status"] == "failed", name
    assert record("collapsing", "harmonize.json")["status"] == "ok"
    log = project / f"logs/faulty/train/{DATASET}-{PAIR}-0-raising-0.log"
    assert 'methods/raising.py", line' in log.read_text()
    log = project / f"logs/faulty/train/{DATASET}-{PAIR}-0-crashing-0.log"
    assert "Fatal Python error: Segmentation fault" in log.read_text()


def test_the_run_names_those_that_failed_at_its_end(ran):
    for name, reason in REASONS.items():
        assert f"{name} failed on {DATASET}, CR to SP: {reason}" in ran


def test_nothing_is_left_to_be_done(project, ran):
    assert "Nothing to be done" in snakemake(project)


@pytest.mark.parametrize(
    ("bug", "said"),
    [("1 / 0", "ZeroDivisionError: division by zero"), ("import ctypes; ctypes.string_at(0)", "Segmentation fault")],
)
def test_a_bug_of_ours_stops_the_run(project, ran, bug, said):
    path, cell = project / "benchmark/pipeline/harmonization.py", CELLS / "identity/seed-0"
    code = path.read_text()
    path.write_text(
        code.replace("    inputs = Inputs(config, cell)\n", f"    {bug}\n    inputs = Inputs(config, cell)\n")
    )
    try:
        snakemake(project, str(cell / "harmonized.h5"), succeed=False)
    finally:
        path.write_text(code)
    assert said in (project / f"logs/faulty/harmonize/{DATASET}-{PAIR}-0-identity-0.log").read_text()
    assert not (project / cell / "harmonized.h5").exists()

"""A run becomes the reference of its benchmark, and later runs are compared with it."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import small_benchmark as small
import yaml
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.config.cells import cells_of
from benchmark.pipeline.reference import compare, publish
from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime import paths
from benchmark.runtime.checksums import write_with_checksum
from benchmark.runtime.errors import DataError
from benchmark.runtime.processor import PORTABLE_KERNELS

METHODS = {"floor": ("control", 0.5), "weak": ("learned", 0.6), "strong": ("learned", 0.7)}
"""Kind and Dice."""
SPREAD = 0.005
"""Of Dice over seeds."""
NATIVE = dict.fromkeys(PORTABLE_KERNELS)


def config(seeds=3):
    cards = {name: small.card(name, kind) for name, (kind, _) in METHODS.items()}
    methods = {name: {} for name in METHODS}
    return small.benchmark_config(methods=methods, cards=cards, proposed="strong", seeds=list(range(seeds)))


def cells(seeds):
    return cells_of(config(seeds), small.DATASET, small.PAIR, 0)


def record(kernels, cpu="A", torch="1"):
    return {
        "versions": {"python": "3.11.2", "torch": torch},
        "hardware": {"cpu": cpu, "gpu": None},
        "threads": {"OMP_NUM_THREADS": "1", "torch": 1},
        "kernels": kernels,
    }


def table(trainings=0, seeds=3):
    """Scores of a run: subjects and their differences between methods are the same ones in each, trainings are not."""
    subjects, chance = np.random.default_rng(0), np.random.default_rng((1, trainings))
    level, tables = subjects.normal(0, 0.05, 20), []
    own = {method: subjects.normal(0, 0.01, 20) for method in METHODS}
    for cell in cells(seeds):
        kind, mean = METHODS[cell.method]
        luck = chance.normal(0, SPREAD) if kind == "learned" else 0.0
        dice = mean + level + own[cell.method] + luck + chance.normal(0, 0.002, 20)
        # The scale of KID is that of another autoencoder.
        kid = (1 + trainings) * (1 - mean)
        rows = [Score("dice", value, "", f"s{n}", "core") for n, value in enumerate(dice)]
        rows += [Score("kid", kid), Score("kid_margin", kid / 20), Score("train_seconds", chance.uniform(1, 9), "s")]
        tables.append(scores.table(cell, [*rows, missing("gap_recovered", "skipped", "no gap", label="core")]))
    return pd.concat(tables, ignore_index=True)


def finish(found, kernels=NATIVE, seeds=3, **machine):
    """Writes what a run with these scores leaves."""
    paths.resolved("small").parent.mkdir(parents=True, exist_ok=True)
    paths.resolved("small").write_text(config(seeds).model_dump_json())
    for cell in cells(seeds):
        cell.root.mkdir(parents=True, exist_ok=True)
        cell.harmonize_run.write_text(json.dumps(record(kernels, **machine)))
    scores.write(paths.scores("small"), found)
    write_with_checksum(paths.leaderboard("small"), pd.DataFrame({"method": list(METHODS)}))


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """With a published reference."""
    monkeypatch.chdir(tmp_path)
    paths.DATASET_CONFIG.mkdir(parents=True)
    (paths.DATASET_CONFIG / "tiny.yaml").write_text(yaml.safe_dump(small.dataset_config()))
    finish(table())
    publish("small")


def faults(found, kind="conclusions", seeds=3):
    finish(found, seeds=seeds)
    return compare("small", kind)[2].faults


def check(*options):
    return CliRunner().invoke(app, ["leaderboard", "check", "small", *options])


def exchanged(found, one, other):
    return found.assign(method=found["method"].replace({one: other, other: one}))


def changed(found, rows, **values):
    found = found.copy()
    for column, value in values.items():
        found.loc[rows, column] = value
    return found


def test_publishing_needs_whole_files_and_records():
    before = {path: path.read_bytes() for path in (paths.REFERENCE / "small").iterdir()}
    assert {path.name for path in before} == {
        "scores.csv.gz", "scores.csv.gz.sha256", "leaderboard.csv", "leaderboard.csv.sha256", "kernels.json",
    }  # fmt: skip
    for cell in cells(3):
        cell.harmonize_run.unlink()
    with pytest.raises(DataError, match="has no record of a training"):
        publish("small")
    paths.scores("small").write_text("x\n1\n")
    with pytest.raises(DataError, match=r"scores.csv: is truncated or was changed"):
        publish("small")
    assert before == {path: path.read_bytes() for path in (paths.REFERENCE / "small").iterdir()}


@pytest.mark.parametrize(
    ("then", "now", "kind", "said"),
    [
        (record(NATIVE), record(NATIVE), "digits", ""),
        (record(NATIVE), record(NATIVE, cpu="B"), "conclusions", "processor B instead of A"),
        (record(PORTABLE_KERNELS), record(PORTABLE_KERNELS, cpu="B"), "digits", ""),
        (record(PORTABLE_KERNELS), record(PORTABLE_KERNELS, torch="2"), "conclusions", "torch 2 instead of 1"),
        (record(PORTABLE_KERNELS), record(NATIVE), "conclusions", "processor A instead of any"),
    ],
)
def test_the_recorded_kernels_choose_what_is_compared(then, now, kind, said):
    for state in (then, now):
        for cell in cells(3):
            cell.harmonize_run.write_text(json.dumps(state))
        if state is then:
            publish("small")
    chosen, difference, outcome = compare("small")
    assert chosen == kind
    assert said in difference
    assert outcome.faults.empty


def test_with_the_same_kernels_every_digit_counts_but_of_times():
    found = table()
    same = changed(found, found["metric"] == "train_seconds", value=99.0)
    assert faults(same, "digits").empty
    one = found.index[found["metric"] == "dice"][0]
    moved = faults(changed(same, one, value=found.loc[one, "value"] + 1e-8), "digits")
    assert list(moved["fault"]) == ["moved"]
    assert list(moved["subject"]) == ["s0"]


@pytest.mark.parametrize("kind", ["digits", "conclusions"])
def test_rows_that_vanish_or_appear_or_fail_are_named(kind):
    found = table()
    assert list(faults(found.drop(found.index[0]), kind)["fault"]) == ["vanished"]
    extra = found.iloc[[0]].assign(subject="s99")
    assert list(faults(pd.concat([found, extra]), kind)["fault"]) == ["is new"]
    failed = changed(found, found.index[0], status="failed", value=np.nan, reason="diverged")
    assert list(faults(failed, kind)["fault"]) == ["status ok became failed"]


def test_whether_a_number_can_be_computed_may_change_with_the_numbers():
    found = table()
    skipped = changed(found, found.index[0], status="skipped", value=np.nan, reason="absent")
    assert list(faults(skipped, "digits")["fault"]) == ["status ok became skipped"]
    assert faults(skipped).empty
    assert "1 rows have a number in one of the two only" in check("--kind", "conclusions").stdout
    everywhere = found["metric"].eq("dice") & found["method"].eq("weak")
    gone = faults(changed(found, everywhere, status="skipped", value=np.nan, reason="absent"))
    assert set(gone["fault"]) == {"has no number in the run"}


def test_other_trainings_support_the_same_conclusions():
    """The means of a rerun stay within their intervals with 95 %, signs much more often."""
    named = [faults(table(trainings))["fault"] for trainings in range(1, 6)]
    assert not any(fault.str.contains("sign").any() for fault in named)
    assert sum(len(fault) > 0 for fault in named) <= 1


def test_exchanged_methods_contradict_the_reference():
    named = faults(exchanged(table(1), "weak", "strong"))
    signs = named[named["fault"].str.startswith("has the other sign")]
    assert {"dice", "kid"} == set(signs["metric"])
    assert ("weak", "strong") in set(zip(signs["method"], signs["other"], strict=True))


def test_a_mean_beyond_the_spread_of_seeds_contradicts_the_reference():
    found = table(1)
    worse = changed(found, found["metric"] == "dice", value=found["value"] - 10 * SPREAD)
    named = faults(worse)
    assert set(named["fault"]) == {"is beyond its interval over seeds"}
    assert set(named["method"]) == set(METHODS)


def test_one_seed_has_intervals_over_subjects_and_none_over_seeds():
    finish(table(seeds=1), seeds=1)
    publish("small")
    finish(table(1, seeds=1), seeds=1)
    result = check("--kind", "conclusions")
    assert result.exit_code == 0, result.output
    assert "0 significant differences between methods" in result.stdout
    assert re.search(
        r"[1-9]\d* differences whose interval excludes 0, where subjects or seeds are too few", result.stdout
    )
    assert "3 means are not checked: with one seed" in result.stdout
    finish(exchanged(table(1, seeds=1), "weak", "strong"), seeds=1)
    result = check("--kind", "conclusions")
    assert result.exit_code == 1
    assert "has the other sign, and is clear there too" in result.stdout


def test_the_command_says_what_it_compared():
    result = check()
    assert result.exit_code == 0
    assert "Kernels: those of the reference. Compared: digits." in result.stdout
    assert "This run agrees with results/reference/small." in result.stdout
    finish(table(1), cpu="B")
    assert "Kernels: processor B instead of A. Compared: conclusions." in check().stdout
    result = check("--kind", "digits")
    assert result.exit_code == 1
    assert "Compared: digits, as asked." in result.stdout
    assert "moved" in result.stdout

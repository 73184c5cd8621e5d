"""The table of scores, and its comparison with a reference."""

import hashlib
import math
from dataclasses import replace

import pandas as pd
import pytest

from benchmark.pipeline.reference import PUBLISHED, compare
from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime import paths
from benchmark.runtime.checksums import checksum_file, read_verified
from benchmark.runtime.code_digest import ROOT
from benchmark.runtime.errors import ConfigError, DataError
from benchmark.runtime.paths import Cell

CELL = Cell("demo", "d", "A", "B", 0, "m", 0)


def state_checksum(path):
    checksum_file(path).write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")


def test_round_trip_keeps_numbers_labels_and_reasons(tmp_path):
    rows = [
        Score("dice", 1 / 3, "", "s1", "CSF"),
        Score("sensitivity_mse", 0.0, "", "s1", "0"),
        missing("fid", "skipped", "12 slices, 64 features"),
    ]
    scores.write(tmp_path / "s.csv", scores.table(CELL, rows))
    frame = scores.read(tmp_path / "s.csv").set_index("metric")
    assert frame.loc["dice", "value"] == pytest.approx(1 / 3, rel=1e-8)
    assert math.isnan(frame.loc["fid", "value"])
    assert frame.loc["fid", "reason"] == "12 slices, 64 features"
    assert frame.loc["sensitivity_mse", "label"] == "0"
    assert frame.loc["dice", "fold"] == 0


def test_equal_scores_are_equal_files_in_any_order(tmp_path):
    rows = [Score("dice", 0.5, "", s, "CSF") for s in ("a", "b", "c")]
    scores.write(tmp_path / "1.csv", scores.table(CELL, rows))
    scores.write(tmp_path / "2.csv", scores.table(CELL, rows[::-1]))
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_two_rows_for_one_number_are_a_bug(tmp_path):
    with pytest.raises(ValueError, match="two rows for one number"):
        scores.write(tmp_path / "s.csv", scores.table(CELL, [Score("kid", 1.0), Score("kid", 2.0)]))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_is_finite_or_has_a_reason(value):
    with pytest.raises(ValueError, match="a missing number needs a status and a reason"):
        Score("kid", value)
    with pytest.raises(ValueError, match="without a reason"):
        missing("kid", "failed", "")


def test_wrong_columns_are_named(tmp_path):
    (tmp_path / "s.csv").write_text("a,b\n1,2\n")
    state_checksum(tmp_path / "s.csv")
    with pytest.raises(DataError, match="has the columns"):
        scores.read(tmp_path / "s.csv")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'"a\n'])
def test_a_file_that_is_no_table_is_refused(tmp_path, content):
    (tmp_path / "s.csv").write_bytes(content)
    state_checksum(tmp_path / "s.csv")
    with pytest.raises(DataError, match="is no table of scores"):
        scores.read(tmp_path / "s.csv")


def test_a_truncated_table_is_refused(tmp_path):
    path = tmp_path / "s.csv"
    scores.write(path, scores.table(CELL, [Score("dice", 0.5, "", s, "CSF") for s in ("a", "b")]))
    assert len(scores.read(path)) == 2
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    with pytest.raises(DataError, match=r"s.csv: is truncated or was changed.* Delete it and run snakemake .*s.csv"):
        scores.read(path)
    with pytest.raises(DataError, match=r"s.csv: is truncated or was changed.* Restore it with git"):
        scores.read(path, PUBLISHED)


def test_a_table_without_its_hash_is_refused(tmp_path):
    scores.write(tmp_path / "s.csv", scores.table(CELL, [Score("kid", 0.5)]))
    checksum_file(tmp_path / "s.csv").unlink()
    with pytest.raises(DataError, match=r"s.csv.sha256: is missing, and without it s.csv may have lost rows"):
        scores.read(tmp_path / "s.csv")


@pytest.mark.parametrize("name", ["scores", "leaderboard"])
def test_the_published_reference_has_its_hashes(name):
    path = ROOT / paths.REFERENCE / "demo" / f"{name}.csv"
    assert read_verified(path).read() == path.read_bytes()


@pytest.fixture
def reference(tmp_path):
    folder = tmp_path / "reference"
    rows = [Score("dice", 0.5, "", "a", "CSF"), Score("train_seconds", 12.0), missing("fid", "skipped", "few")]
    scores.write(folder / "scores.csv", scores.table(CELL, rows))
    (folder / "tolerance.yaml").write_text(
        "metrics: {dice: {absolute: 0.01}, fid: {absolute: 0, factor: 1.1}}\n"
        "not_compared: {train_seconds: depends on the machine}\n"
    )
    return folder


def changed(reference, **changes) -> pd.DataFrame:
    frame = scores.read(reference / "scores.csv")
    for metric, value in changes.items():
        frame.loc[frame["metric"] == metric, "value"] = value
    scores.write(reference.parent / "now.csv", frame)
    return compare(reference.parent / "now.csv", reference).differences


def test_numbers_within_tolerance_and_times_agree(reference):
    assert changed(reference, dice=0.509, train_seconds=99.0).empty


def test_a_number_beyond_tolerance_is_named(reference):
    differences = changed(reference, dice=0.52)
    assert list(differences["metric"]) == ["dice"]
    assert "moved by 0.02, allowed 0.01" in differences["fault"].iloc[0]


def test_a_method_can_have_a_tolerance_of_its_own(reference):
    path = reference / "tolerance.yaml"
    general = path.read_text()
    path.write_text(general + "methods: {m: {dice: {absolute: 0.05}}}\n")
    assert changed(reference, dice=0.52).empty
    assert len(changed(reference, dice=0.56)) == 1
    path.write_text(general + "methods: {other: {dice: {absolute: 0.05}}}\n")
    with pytest.raises(DataError, match="names the unknown method other"):
        changed(reference)


def test_a_few_trainings_may_have_another_outcome(reference):
    path = reference / "tolerance.yaml"
    general = path.read_text().replace("fid:", "kid:") + "methods: {m: {}}\n"
    tables = {}
    for method in ("m", "control"):
        rows = [Score("dice", 0.5, "", "a", "CSF"), Score("kid", 2.0)]
        tables[method] = scores.table(replace(CELL, method=method), rows)
    scores.write(reference / "scores.csv", pd.concat(tables.values(), ignore_index=True))

    def ended(method, **changes):
        frame = scores.read(reference / "scores.csv")
        for metric, value in changes.items():
            frame.loc[(frame["method"] == method) & (frame["metric"] == metric), "value"] = value
        scores.write(reference.parent / "now.csv", frame)
        return compare(reference.parent / "now.csv", reference)

    path.write_text(general + "other_outcomes: {metric: kid, at_most: 1, metrics: [dice]}\n")
    outcome = ended("m", kid=3.0, dice=0.9)
    assert (len(outcome.differences), list(outcome.otherwise["method"])) == (0, ["m"])
    assert (outcome.compared, outcome.same) == (2, 2)
    assert len(ended("m", dice=0.9).differences) == 1  # it ended as in the reference
    assert len(ended("control", kid=3.0, dice=0.9).differences) == 2  # it has no chance in it
    path.write_text(general + "other_outcomes: {metric: kid, at_most: 1, metrics: []}\n")
    assert list(ended("m", kid=3.0, dice=0.9).differences["metric"]) == ["dice"]  # which does not follow the outcome
    path.write_text(general + "other_outcomes: {metric: kid, at_most: 0, metrics: [dice]}\n")
    outcome = ended("m", kid=3.0, dice=0.9)
    assert (len(outcome.differences), len(outcome.otherwise)) == (2, 0)
    path.write_text(general + "other_outcomes: {metric: kid, at_most: 1, metrics: [hd95]}\n")
    with pytest.raises(ConfigError, match="other_outcomes names hd95, which is not in metrics"):
        ended("m")


@pytest.mark.parametrize(("now", "agrees"), [(2.0, 1), (19.9, 1), (20.1, 0), (0.51, 1), (0.49, 0), (0.0, 0), (-2.0, 0)])
def test_a_factor_bounds_both_ways(now, agrees, reference):
    frame = scores.read(reference / "scores.csv")
    frame.loc[frame["metric"] == "dice", ["metric", "value"]] = "kid", 2.0
    scores.write(reference / "scores.csv", frame)
    text = (reference / "tolerance.yaml").read_text()
    factor = 10 if now > 2 else 4
    (reference / "tolerance.yaml").write_text(
        text.replace("dice: {absolute: 0.01", f"kid: {{absolute: 0.1, factor: {factor}")
    )
    assert len(changed(reference, kid=now)) == 1 - agrees


def test_a_metric_can_be_left_out_for_a_pair(reference):
    with (reference / "tolerance.yaml").open("a") as file:
        file.write("not_compared_in: {A-B: {dice: a reason}}\n")
    assert changed(reference, dice=0.9).empty
    frame = scores.read(reference / "scores.csv")
    scores.write(reference.parent / "now.csv", frame[frame["metric"] != "dice"])
    assert list(compare(reference.parent / "now.csv", reference).differences["fault"]) == ["vanished"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("metrics: {dice: {absolute: -1}}", "greater than or equal to 0"),
        ("metrics: {dice: {absolute: .inf}}", "finite number"),
        ("metrics: {dice: {absolute: 0}}\nnot_compared: {dice: because}", "dice is both"),
        ("metrics: {dice: {absolute: 0}}\nmethods: {m: {dcie: {absolute: 0}}}", "dcie, which is not in metrics"),
    ],
)
def test_impossible_tolerances_are_refused(reference, text, fault):
    (reference / "tolerance.yaml").write_text(text)
    with pytest.raises(ConfigError, match=fault):
        changed(reference)


def test_comparing_nothing_is_no_agreement(reference):
    reasons = "{dice: a, train_seconds: b, fid: c}"
    (reference / "tolerance.yaml").write_text(f"metrics: {{}}\nnot_compared: {reasons}\n")
    with pytest.raises(DataError, match="no number to compare"):
        changed(reference)


@pytest.mark.parametrize(("drop", "fault"), [("now", "vanished"), ("reference", "is new")])
def test_rows_that_vanish_or_appear_are_named(reference, drop, fault):
    frame = scores.read(reference / "scores.csv")
    scores.write(reference.parent / "now.csv", frame)
    target = reference.parent / "now.csv" if drop == "now" else reference / "scores.csv"
    scores.write(target, frame[frame["metric"] != "dice"])
    assert list(compare(reference.parent / "now.csv", reference).differences["fault"]) == [fault]


def test_a_changed_status_is_named(reference):
    frame = scores.read(reference / "scores.csv")
    frame.loc[frame["metric"] == "fid", ["status", "value"]] = ["ok", 3.0]
    scores.write(reference.parent / "now.csv", frame)
    assert list(compare(reference.parent / "now.csv", reference).differences["fault"]) == ["status skipped became ok"]


def test_a_metric_without_tolerance_is_refused(reference):
    (reference / "tolerance.yaml").write_text("metrics: {dice: {absolute: 0.01}}\n")
    with pytest.raises(DataError, match="has no tolerance for fid, train_seconds"):
        changed(reference)


def test_a_misspelt_tolerance_is_refused(reference):
    (reference / "tolerance.yaml").write_text("metrics: {dice: {absolut: 0.01}}\n")
    with pytest.raises(ConfigError, match="did you mean 'absolute'"):
        changed(reference)

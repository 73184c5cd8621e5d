"""The table of scores."""

import hashlib
import math

import pytest

from benchmark.pipeline.reference import PUBLISHED
from benchmark.results import scores
from benchmark.results.scores import Score, missing
from benchmark.runtime import paths
from benchmark.runtime.checksums import checksum_file, read_verified
from benchmark.runtime.code_digest import ROOT
from benchmark.runtime.errors import DataError
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


@pytest.mark.parametrize("path", sorted((ROOT / paths.REFERENCE).glob("*/*[vz]")), ids=lambda path: path.name)
def test_a_published_reference_has_its_hashes(path):
    assert read_verified(path).read() == path.read_bytes()

"""Tables of ``studies.realism``; the document's numbers match its output."""

import csv
import re
from pathlib import Path

from studies.realism.summary import COLUMNS, cell, rows, table

DOCS = Path(__file__).parents[2] / "docs/measurements"
VALUES = {"GE": {("noise", "%"): [1.0, 2.0, 6.0], ("slope", ""): [-3.0]}, "OASIS": {("noise", "%"): [0.5]}}


def test_rows_have_mean_and_range():
    assert rows(VALUES)[0] == dict(zip(COLUMNS, ("GE", "noise", "%", 3, 3.0, 1.0, 6.0), strict=True))


def test_groups_stand_side_by_side():
    lines = table(VALUES, ["GE", "OASIS"]).splitlines()
    assert lines[0] == "| | GE | OASIS |"
    assert lines[2:] == ["| noise, % | 3 (1 to 6) | 0.5 (0.5 to 0.5) |", "| slope | -3 (-3 to -3) |  |"]


def test_numbers_of_the_document_match_its_csv():
    with (DOCS / "phantoms.csv").open() as file:
        known = {
            (row["quantity"], cell(float(row["mean"]), float(row["low"]), float(row["high"])))
            for row in csv.DictReader(file)
        }
    quantities = {quantity for quantity, _ in known}
    found = set()
    for line in (DOCS / "phantoms.md").read_text().splitlines():
        name, *cells = [part.strip() for part in line.strip("|").split("|")]
        numbers = re.findall(r"-?[\d.]+ \(-?[\d.]+ to -?[\d.]+\)", " ".join(cells))
        if numbers:
            quantity = next(q for q in sorted(quantities, key=len, reverse=True) if name.startswith(q))
            assert {(quantity, number) for number in numbers} <= known, line
            found.add(quantity)
    assert found == quantities

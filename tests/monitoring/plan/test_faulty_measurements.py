"""Damaged files of measurements are refused with their fault."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.runtime import paths
from benchmark.runtime.errors import UserError

ROW = {
    "rule": "train",
    "dataset": "ixi_phantom_tiny",
    "method": "cyclegan",
    "start_up": 1.0,
    "work": 2.0,
    "amount": 3.0,
    "unit": 4,
    "width": 4,
    "memory": 5.0,
    "size": 6,
    "bulk": 7.0,
}


def row(**changes: object) -> str:
    """A file of one measurement, valid except for the changes."""
    return json.dumps({"title": "a", "gpu": "", "measurements": [{**ROW, **changes}]})


@pytest.fixture
def plan(config):
    """Plans the smoke benchmark with a file of measurements."""
    paths.resolved("smoke").parent.mkdir(parents=True)
    paths.resolved("smoke").write_text(config.model_dump_json())

    def run(content: str | bytes, name: str = "kept.json"):
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return CliRunner().invoke(app, ["plan", "smoke", "--from", name])

    return run


def test_a_valid_file_may_have_any_name(plan):
    for name in ("kept.json", "kept", "kept.txt"):
        result = plan(row(), name)
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"title":"a","gpu":"","measurements":[]}', "key 'measurements': list should have at least 1 item"),
        ("{}", "key 'title' is missing; key 'gpu' is missing; key 'measurements' is missing"),
        ("[]", "(input should be a valid mapping)"),
        (row(work="x"), "key 'measurements.0.work': input should be a valid number"),
        (row(work=float("nan")), "key 'measurements.0.work': input should be a finite number"),
        (row(start_up=-1), "key 'measurements.0.start_up': input should be greater than or equal to 0 (given: -1)"),
        (row(unit=0), "key 'measurements.0.unit': input should be greater than 0 (given: 0)"),
        (row(pixels=3), "key 'measurements.0.pixels' is unknown"),
        ("", "line 1 column 1 (char 0))"),
        (row()[:47], "(Unterminated string"),
        (b"\xff\xfe\x00", "can't decode byte"),
    ],
)
def test_a_faulty_file_is_refused(plan, content, fault):
    result = plan(content)
    assert isinstance(result.exception, UserError), result.exception
    message = str(result.exception)
    assert message.startswith("kept.json: is no file of measurements (")
    assert fault in message
    assert message.endswith(". Measure with --measure --save FILE.")


def test_measurements_of_other_jobs_are_refused(plan):
    nothing = row(rule="page", start_up=0, work=0)
    assert str(plan(nothing).exception) == "kept.json: holds no time of any job of smoke. Measure with --measure."


def test_a_title_is_printed_without_markup(plan):
    content = json.loads(row()) | {"title": "the [red]machine[/nothing]"}
    result = plan(json.dumps(content))
    assert result.exit_code == 0, result.exception
    assert "from the [red]machine[/nothing]" in " ".join(result.output.split())


def test_neither_a_run_nor_a_file(project):
    for arguments, message in {
        ("demo", "--from", "demo"): "demo: is no run in results/. Name a config file, such as config/demo.yaml; "
        "there is no run yet.",
        ("config/demo.yaml", "--from", "demo"): "demo: is neither a run in results/ nor a file that --save wrote. "
        "There is none yet: run it first, or measure with --measure.",
    }.items():
        assert str(CliRunner().invoke(app, ["plan", *arguments]).exception) == message

"""Measuring runs the jobs of every rule on random slices."""

import os
import re
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.app import app
from benchmark.monitoring.plan import sources
from benchmark.monitoring.plan.measurement import Measurement
from benchmark.monitoring.plan.miniature import timed
from benchmark.monitoring.plan.prediction import predict
from benchmark.monitoring.plan.sources import load, measure
from benchmark.monitoring.schedule import Machine
from benchmark.runtime.errors import UserError


@pytest.mark.snakemake
def test_all_rules_are_measured_except_two_quick_ones(project, config):
    name = "retouch_phantom_tiny"
    methods = {each: config.methods[each] for each in ("identity", "segrenorm")}
    config = config.model_copy(
        update={"datasets": {name: config.datasets[name]}, "methods": methods, "metrics": {"overlap": {}, "cost": {}}}
    )
    announced: list[str] = []
    before = set(project.iterdir())
    source = measure(config, announced.append)
    assert set(project.iterdir()) == before
    assert any("train retouch_phantom_tiny-CR-SP-0-segrenorm-0" in line for line in announced)
    found = predict(config, source.measurements, Machine(2))
    rules = {rule.rule: rule for rule in found.rules}
    assert {name for name, rule in rules.items() if rule.scale is None} == {"inventory", "split"}
    assert all(rule.scale == pytest.approx(1) for rule in rules.values() if rule.scale is not None)
    assert all(rules[rule].seconds > 0 for rule in ("fetch", "prepare", "train", "segmentor", "score", "page"))
    assert rules["train"].memory > rules["page"].memory > 0
    assert found.size("prepare") > 0


def test_a_failing_command_is_reported(project):
    with pytest.raises(UserError, match=r"failed while it was measured: .*No module named nothing"):
        timed(["python", "-m", "nothing"], Path(), Path("log"))
    with pytest.raises(UserError, match=r"failed while it was measured: exit code 3"):
        timed([sys.executable, "-c", "import os; os._exit(3)"], Path(), Path("log"))


def killed(signal: str) -> str:
    """The error of a process that logs a line and is killed a moment later."""
    code = f"import os, signal, time; print('step 3', flush=True); time.sleep(0.3); os.kill(os.getpid(), {signal})"
    with pytest.raises(UserError) as caught:
        timed([sys.executable, "-c", code, "train", "somewhere"], Path(), Path("log"))
    return str(caught.value)


def test_a_killed_process_is_reported_with_its_memory(project):
    message = killed("signal.SIGKILL")
    found = re.fullmatch(
        r"train somewhere: was killed by SIGKILL while it was measured; it last used (\d+) MiB, "
        r"and memory probably ran out. Take a machine with more memory, or a smaller batch.",
        message,
    )
    assert found, message
    assert 1 < int(found[1]) < 500
    assert "killed by SIGTERM" in killed("signal.SIGTERM")
    assert "its log ended with: step 3. Measure again" in killed("signal.SIGTERM")
    assert "ran out" not in killed("signal.SIGTERM")
    assert "killed by signal 40 " in killed("signal.SIGRTMIN + 6")


def test_an_out_of_memory_exit_has_the_same_remedy(project):
    code = f"import sys; print('error: the memory: is used up'); sys.exit({os.EX_TEMPFAIL})"
    with pytest.raises(UserError, match=r"error: the memory: is used up. Take a .* or a smaller batch"):
        timed([sys.executable, "-c", code], Path(), Path("log"))


@pytest.fixture
def failing(monkeypatch) -> UserError:
    """A miniature whose second job fails."""
    error = UserError("train x", "failed", "Correct that")

    def miniature(config, folder, tell):
        yield ONE
        raise error

    monkeypatch.setattr(sources, "miniature", miniature)
    return error


ONE = Measurement(
    rule="train", dataset="d", method="m", start_up=1.0, work=2.0, amount=3, unit=4, memory=5.0, size=6, bulk=7
)


def test_measurements_before_a_failure_are_kept(project, failing, config):
    with pytest.raises(UserError, match=r"train x: failed. Correct that. part.json has the measurements before it.$"):
        measure(config, lambda job: None, Path("part.json"))
    source = load(Path("part.json"))
    assert source.measurements == [ONE]
    assert source.title.startswith("a part of a miniature on ")
    with pytest.raises(UserError, match=r"Correct that. With --save FILE, measurements are kept.$"):
        measure(config, lambda job: None)


def test_the_command_plans_with_a_partial_measurement(project, failing):
    plan = ["plan", "config/smoke.yaml"]
    result = CliRunner().invoke(app, [*plan, "--measure", "--save", "part.json"])
    assert "part.json has the measurements before it" in str(result.exception)
    result = CliRunner().invoke(app, [*plan, "--from", "part.json"])
    assert result.exit_code == 0, result.output
    assert "from a part of a miniature on" in " ".join(result.output.split())
    assert "because nothing similar was measured: fetch" in result.output


def test_a_failure_of_the_first_measurement(project, monkeypatch, config):
    def miniature(config, folder, tell):
        raise UserError("train x", "failed", "Correct that")
        yield

    monkeypatch.setattr(sources, "miniature", miniature)
    with pytest.raises(UserError, match=r"Correct that.$"):
        measure(config, lambda job: None, Path("part.json"))
    assert not Path("part.json").exists()

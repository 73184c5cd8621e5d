"""Measuring runs the real steps of every rule, on slices that nobody scanned."""

from pathlib import Path

import pytest

from benchmark.cli.runs import found_config
from benchmark.errors import UserError
from benchmark.planning.miniature import timed
from benchmark.planning.prediction import predict
from benchmark.planning.schedule import Machine
from benchmark.planning.sources import of_this_machine


@pytest.mark.end_to_end
def test_every_rule_but_two_quick_ones_is_measured(project):
    whole = found_config("config/smoke.yaml")
    name = "retouch_phantom_tiny"
    methods = {each: whole.methods[each] for each in ("identity", "segrenorm")}
    config = whole.model_copy(
        update={"datasets": {name: whole.datasets[name]}, "methods": methods, "metrics": {"overlap": {}, "cost": {}}}
    )
    told: list[str] = []
    before = set(project.iterdir())
    source = of_this_machine(config, told.append)
    assert set(project.iterdir()) == before
    assert any("train retouch_phantom_tiny-CR-SP-0-segrenorm-0" in line for line in told)
    found = predict(config, source.measurements, Machine(2))
    rules = {rule.rule: rule for rule in found.rules}
    assert {name for name, rule in rules.items() if rule.scale is None} == {"inventory", "split"}
    assert all(rule.scale == pytest.approx(1) for rule in rules.values() if rule.scale is not None)
    assert all(rules[rule].seconds > 0 for rule in ("fetch", "prepare", "train", "segmentor", "score", "page"))
    assert rules["train"].memory > rules["page"].memory > 0
    assert found.size("prepare") > 0


def test_a_command_that_fails_while_it_is_measured_is_told(project):
    with pytest.raises(UserError, match=r"failed while it was measured: .*No module named nothing"):
        timed(["python", "-m", "nothing"], Path(), Path("log"))

"""Measuring runs the jobs of every rule on random slices."""

import json
import os
import sys
from pathlib import Path

import pytest

from benchmark.monitoring.plan.miniature import needs_smaller, timed
from benchmark.monitoring.plan.prediction import predict
from benchmark.monitoring.plan.sources import measure
from benchmark.monitoring.schedule import Machine
from benchmark.pipeline.resolve import load_benchmark
from benchmark.runtime.code_digest import ROOT
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


def test_only_without_a_gpu_are_steps_of_the_papers_size_too_slow(config, monkeypatch):
    paper = load_benchmark(Path("config/paper.yaml"))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.syspath_prepend(ROOT / "tests/fake_nvml")
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    for listed, too_slow in (([], True), ([["GPU-A"]], False)):
        monkeypatch.setenv("FAKE_GPUS", json.dumps(listed))
        assert needs_smaller(paper) == too_slow
        assert not needs_smaller(config)
    sys.modules.pop("pynvml")


def test_a_failing_command_is_reported(project):
    with pytest.raises(UserError, match=r"failed while it was measured \(exit code 1\): .*No module named nothing"):
        timed(["python", "-m", "nothing"], Path(), Path("log"))


@pytest.mark.parametrize("end", [f"sys.exit({os.EX_TEMPFAIL})", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_command_that_memory_ended_has_a_remedy(project, end):
    code = f"import os, signal, sys; print('step 3', flush=True); {end}"
    with pytest.raises(UserError, match=r": step 3. Take a machine with more memory, or a smaller batch.$"):
        timed([sys.executable, "-c", code], Path(), Path("log"))

"""What a benchmark's last run was started with spares checking it again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.methods import registry
from benchmark.pipeline import resolve
from benchmark.pipeline.resolve import load_benchmark
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError
from benchmark.runtime.paths import ROOT


@pytest.fixture
def demo() -> dict:
    return yaml.safe_load((ROOT / "config/demo.yaml").read_text())


@pytest.fixture
def kept(tmp_path, monkeypatch, demo) -> Path:
    """What the last run of the demo was started with, in a folder with the configs alone."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    path = paths.resolved("demo")
    path.parent.mkdir(parents=True)
    path.write_text(load_benchmark(demo).model_dump_json())
    return path


def test_a_config_that_was_run_is_checked_without_importing_methods(kept, demo):
    code = (
        "import sys; from pathlib import Path; from benchmark.pipeline.resolve import load_benchmark;"
        "config = load_benchmark(Path('config/demo.yaml'));"
        "assert not {'torch', 'benchmark.methods'} & set(sys.modules);"
        "print(*(f'{card.name} {card.kind}' for card in config.cards.values()), sep=', ')"
    )
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kinds = {"identity": "control", "oracle": "control", "histogram_matching": "classical"}
    assert done.stdout == ", ".join(f"{name} {kinds.get(name, 'learned')}" for name in demo["methods"]) + "\n"


def test_another_python_checks_again(kept, demo, monkeypatch):
    before = load_benchmark(demo).checked_with
    monkeypatch.setattr(sys.implementation, "cache_tag", "cpython-399")
    assert load_benchmark(demo).checked_with != before


def test_a_method_that_leaves_something_out_is_named(monkeypatch):
    monkeypatch.setattr(registry, "method_class", lambda name: type("Silent", (), {"title": "Silent"}))
    with pytest.raises(ConfigError, match=r"methods/silent\.py: does not say its reference. Give the class Silent one"):
        registry.card("silent")


def test_cards_say_what_methods_say(kept, demo):
    config = load_benchmark(demo)
    for name, card in config.cards.items():
        cls = registry.method_class(name)
        assert (card.name, card.title, card.kind) == (name, cls.title, cls.kind)
        assert (card.needs_labels, card.needs_truth) == (cls.needs_labels, cls.needs_truth)
        assert card.not_applicable == {kind: cls.not_applicable(kind) for kind in ("dense", "sparse")}
    assert config.cards["semgan"].is_trained_on("dense")
    assert not config.cards["semgan"].is_trained_on("sparse")
    assert not config.cards["identity"].is_trained_on("dense")


def test_a_config_is_checked_again_when_it_its_datasets_or_the_code_change(kept, demo, monkeypatch):
    demo["methods"]["segrenorm"] = {"lambda_cycle": 5}
    with pytest.raises(ConfigError, match="lambda_cycle"):
        load_benchmark(demo)
    demo["methods"]["segrenorm"] = {}
    assert load_benchmark(demo).cards
    dataset = kept.parents[2] / "config/datasets/ixi_phantom.yaml"
    dataset.write_text(dataset.read_text().replace("training: {crop: [64, 64]", "training: {crop: [16, 16]"))
    demo["datasets"]["ixi_phantom"] = {}
    with pytest.raises(ConfigError, match="too small for the networks"):
        load_benchmark(demo)
    first = BenchmarkConfig.model_validate_json(kept.read_text())
    monkeypatch.setattr(resolve, "source_fingerprint", lambda: "other")
    assert load_benchmark(first.file.model_dump()).checked_with != first.checked_with


@pytest.mark.parametrize("content", ["", "{}", '{"benchmark": "demo"}'])
def test_what_an_earlier_version_kept_is_not_used(kept, demo, content):
    expected = load_benchmark(demo)
    kept.write_text(content)
    assert load_benchmark(demo) == expected

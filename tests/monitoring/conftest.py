from pathlib import Path

import pytest

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.pipeline.resolve import load_benchmark

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def config() -> BenchmarkConfig:
    """The smoke benchmark."""
    return load_benchmark(ROOT / "config/smoke.yaml")

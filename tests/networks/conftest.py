import pytest
from acceleration.fast_ways import take_always

from benchmark.acceleration import accelerate


@pytest.fixture(params=["plain", "accelerated", "accelerated in every way"])
def prepare(request, monkeypatch):
    """Leaves a network as it is, or accelerates it; then also with fast ways that only large networks take."""
    if request.param.endswith("every way"):
        take_always(monkeypatch)
    return (lambda network: network) if request.param == "plain" else accelerate

import pytest
from fast_ways import take_always

from benchmark.acceleration import winograd


@pytest.fixture(autouse=True)
def _fast_products(monkeypatch):
    """Winograd's way is not taken if products must be portable."""
    monkeypatch.delenv("MKL_CBWR", raising=False)


@pytest.fixture
def always(monkeypatch):
    """Every fast way is taken, even where it takes longer."""
    take_always(monkeypatch)


@pytest.fixture(params=["ways that pay", "every way"])
def ways(request):
    """Fast ways are taken where they pay, or always."""
    if request.param == "every way":
        request.getfixturevalue("always")


@pytest.fixture
def taken(monkeypatch):
    """Winograd's ways that were taken, one after the other."""
    ways = []
    own = winograd.convolved
    monkeypatch.setattr(winograd, "convolved", lambda *given: ways.append(given[-1]) or own(*given))
    return ways

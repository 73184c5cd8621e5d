"""When the fast ways are taken."""

from dataclasses import replace

from benchmark.acceleration import resampling, winograd

WINOGRAD = ("PLAIN", "ENLARGED")


def take_always(monkeypatch):
    """Every fast way wherever it is possible, even where it takes longer."""
    monkeypatch.delenv("MKL_CBWR", raising=False)  # Winograd's products are not taken if they must be portable
    monkeypatch.setattr(resampling, "PRODUCTS", 0)
    monkeypatch.setattr(resampling, "LARGE", 0)
    for way in WINOGRAD:
        monkeypatch.setattr(winograd, way, replace(getattr(winograd, way), channels=0, work=0))

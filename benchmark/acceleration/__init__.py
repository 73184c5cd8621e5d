"""Faster layers with the results of the plain ones in ``benchmark.networks``.

Only the training room uses this, for each network that it trains or loads. Without it everything works, but slower.
"""

from benchmark.acceleration.accelerate import accelerate

__all__ = ["accelerate"]

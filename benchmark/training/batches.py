"""Batches of a training. The next one is drawn while the networks work on the current one."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Generic, TypeVar

import numpy as np

from benchmark.data.sampling import CropSampler

Batch = TypeVar("Batch")


class Batches(Generic[Batch]):
    """Batches in the order in which ``draw`` draws them.

    A single thread draws, so that order and random numbers are the same as without drawing ahead.

    Args:
        draw: draws the next batch; ``samplers`` and ``streams`` are the only state that it uses.
        samplers: by name.
        streams: of random numbers, by name.

    Attributes:
        waited: seconds spent waiting for batches.
    """

    def __init__(
        self,
        draw: Callable[[], Batch],
        samplers: Mapping[str, CropSampler],
        streams: Mapping[str, np.random.Generator] | None = None,
    ) -> None:
        self._draw, self._samplers, self._streams = draw, samplers, streams or {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._coming: Future[tuple[Batch, dict[str, Any]]] | None = None
        self._state = self._now()
        self.waited = 0.0

    def next(self) -> Batch:
        """The next batch.

        Raises:
            DataError: a slice cannot be read.
        """
        begun = time.perf_counter()
        coming = self._coming or self._thread.submit(self._one)
        batch, self._state = coming.result()
        self.waited += time.perf_counter() - begun
        self._coming = self._thread.submit(self._one)
        return batch

    def state(self) -> dict[str, Any]:
        """State of samplers and streams after the last batch that was handed out, as JSON."""
        samplers = {
            name: {**state, "order": state["order"].tolist()} for name, state in self._state["samplers"].items()
        }
        return {**self._state, "samplers": samplers}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continues from a state."""
        if self._coming is not None:
            self._coming.result()
            self._coming = None
        for name, sampler in self._samplers.items():
            sampler.restore(state["samplers"][name])
        for name, stream in self._streams.items():
            stream.bit_generator.state = state["streams"][name]
        self._state = self._now()

    def _one(self) -> tuple[Batch, dict[str, Any]]:
        return self._draw(), self._now()

    def _now(self) -> dict[str, Any]:
        return {
            "samplers": {name: sampler.state() for name, sampler in self._samplers.items()},
            "streams": {name: stream.bit_generator.state for name, stream in self._streams.items()},
        }

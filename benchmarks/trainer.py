"""One training in a process of its own, which takes a step whenever it is told to, and says what the step cost."""

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from benchmark.methods.adversarial_training import AdversarialTraining

CLASSES = 4
PLAIN = "plain"


@dataclass(frozen=True)
class Setup:
    """What is trained, and how.

    Attributes:
        method: name of an adversarial method.
        way: ``plain`` is the eager float32 loop of ``benchmarks/plain.py``; else the benchmark's own training in this
            precision, which may be ``auto``.
        side: of a crop, in pixels.
        batch: crops of each scanner.
        width: channels of the first layer.
        store: slice store that both scanners' crops are drawn from.
        portable: computes with the kernels that machines agree on.
        threads: of PyTorch.
    """

    method: str
    way: str
    side: int
    batch: int
    width: int
    store: Path
    portable: bool = False
    threads: int = 1


@dataclass(frozen=True)
class Cost:
    """Of one step, in seconds; ``processor`` counts all threads, and the last three are parts of ``wall``."""

    wall: float
    processor: float
    data: float
    backward: float
    optimizer: float

    @property
    def forward(self) -> float:
        """What is left, losses included."""
        return self.wall - self.data - self.backward - self.optimizer


class Trainer:
    """A training in this process."""

    def __init__(self, setup: Setup) -> None:
        if setup.portable:
            from benchmark.machine import use_portable_kernels

            use_portable_kernels()
        import torch

        from benchmark.memory import keep_freed_memory

        torch.set_num_threads(setup.threads)
        self._spent = dict.fromkeys(("data", "backward", "optimizer"), 0.0)
        self._own = _own_training(setup)
        self.step: Callable[[], Cost]
        if setup.way == PLAIN:
            from benchmarks.plain import PlainTraining

            plain = PlainTraining(self._own._method, self._own._networks)
            self._step: Callable[[], Any] = lambda: plain.step(self._own.draw_now())
        else:
            keep_freed_memory()
            self._measure_parts()
            self._step = lambda: self._own.step(self._own.draw())

    def step_once(self) -> Cost:
        """Takes a step."""
        before, waited = dict(self._spent), self._own._batches.waited
        begun = time.perf_counter(), time.process_time()
        self._step()
        _synchronize()
        wall, processor = time.perf_counter() - begun[0], time.process_time() - begun[1]
        parts = {name: self._spent[name] - before[name] for name in ("backward", "optimizer")}
        return Cost(wall, processor, self._own._batches.waited - waited, **parts)

    def flops(self) -> float:
        """Floating-point operations of a step: of its convolutions and matrix products, as PyTorch counts them."""
        from torch.utils.flop_counter import FlopCounterMode

        with FlopCounterMode(display=False) as counter:
            self._step()
        return float(counter.get_total_flops())

    def peak_mib(self) -> float:
        """The most memory that this process has had."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def precision(self) -> str:
        """In which it trains."""
        return str(self._own._fabric._precision.precision)

    def _measure_parts(self) -> None:
        own = self._own
        fabric, optimizers = own._fabric, (own._translators, own._discriminators)
        fabric.backward = self._timed("backward", fabric.backward)  # type: ignore[method-assign]
        for optimizer in optimizers:
            optimizer.step = self._timed("optimizer", optimizer.step)  # type: ignore[method-assign]

    def _timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **more: Any) -> Any:
            begun = time.perf_counter()
            result = call(*arguments, **more)
            self._spent[part] += time.perf_counter() - begun
            return result

        return timed

"""The loop of every training: steps, the history, checkpoints, and an orderly end when somebody asks for it."""

import logging
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from benchmark.runtime.errors import Diverged, Interrupted
from benchmark.runtime.memory import keep_freed_memory
from benchmark.training.batches import Batches
from benchmark.training.checkpoints import Checkpoints, Snapshot

HISTORY_ROWS = 200
"""About as many rows as a history has; a row averages the steps since the one before."""
PROGRESS_EVERY = 30.0
"""Seconds after which the log tells the step, where no row of the history is due: in a long training these are rare."""
# Slurm warns with one of the latter two, if it is told to (--signal), before it kills.
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)

Losses = dict[str, Tensor]
Row = dict[str, float]

logger = logging.getLogger(__name__)


@dataclass
class Parts:
    """All that a step changes, by name.

    Attributes:
        device: where the networks are.
        kept: tensors that a method keeps from step to step; the lists are changed in place.
    """

    device: torch.device
    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    schedules: Mapping[str, LRScheduler]
    batches: Batches[Any]
    streams: Mapping[str, np.random.Generator] = field(default_factory=dict)
    kept: Mapping[str, list[Tensor]] = field(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """Weights, buffers, moments, kept images and the state of PyTorch's own random numbers."""
        found = {"random/cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            found["random/cuda"] = torch.cuda.get_rng_state(self.device)
        for name, network in self.networks.items():
            found |= {f"network/{name}/{key}": value for key, value in network.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, moments in optimizer.state_dict()["state"].items():
                found |= {f"optimizer/{name}/{index}/{key}": value for key, value in moments.items()}
        for name, images in self.kept.items():
            found |= {f"kept/{name}/{index}": image for index, image in enumerate(images)}
        return found

    def values(self) -> dict[str, Any]:
        """What is no tensor."""
        return {
            "groups": {name: optimizer.state_dict()["param_groups"] for name, optimizer in self.optimizers.items()},
            "schedules": {name: schedule.state_dict() for name, schedule in self.schedules.items()},
            "batches": self.batches.state(),
            "streams": {name: stream.bit_generator.state for name, stream in self.streams.items()},
            "kept": {name: len(images) for name, images in self.kept.items()},
        }

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Puts everything back as it was when the other two methods were called."""
        for name, network in self.networks.items():
            network.load_state_dict(_below(tensors, f"network/{name}/"))
        for name, optimizer in self.optimizers.items():
            self._restore_optimizer(optimizer, _below(tensors, f"optimizer/{name}/"), values["groups"][name])
        for name, schedule in self.schedules.items():
            schedule.load_state_dict(values["schedules"][name])
        self.batches.restore(values["batches"])
        for name, stream in self.streams.items():
            stream.bit_generator.state = values["streams"][name]
        for name, images in self.kept.items():
            images[:] = [tensors[f"kept/{name}/{index}"].to(self.device) for index in range(values["kept"][name])]
        torch.set_rng_state(tensors["random/cpu"])
        if self.device.type == "cuda" and "random/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random/cuda"], self.device)

    @staticmethod
    def _restore_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], groups: list[dict[str, Any]]) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for path, value in tensors.items():
            index, key = path.split("/")
            like = parameters[int(index)]
            # As the optimiser would have made it: a moment has the memory layout of its weights.
            moment = torch.empty_like(like).copy_(value) if value.shape == like.shape and value.ndim else value
            state.setdefault(int(index), {})[key] = moment
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def train(
    parts: Parts,
    steps: int,
    step: Callable[[], Losses],
    log: Callable[[int, Row], None],
    checkpoints: Checkpoints | None = None,
) -> None:
    """Takes the steps, or those that a former process has left.

    Losses stay on the device between the rows of the history, so that a GPU is never waited for. The log tells each
    row and, between rows that are far apart, the step alone.

    Args:
        parts: all that ``step`` changes.
        steps: in all.
        step: takes one and returns its losses, scalars without a graph.
        log: called with a step and the mean losses since the row before, from the first row on also where the
            training goes on from a checkpoint.
        checkpoints: where to look for one and to leave them; None is nowhere.

    Raises:
        Diverged: a loss is not finite.
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: the checkpoint that is there is of another config, code or data.
    """
    keep_freed_memory()
    every = max(1, steps // HISTORY_ROWS)
    done, rows, pending = 0, [], []
    if checkpoints and (found := checkpoints.latest()):
        parts.restore(found.tensors, found.values["parts"])
        done, rows = found.step, found.values["rows"]
        names = found.values["pending"]
        pending = [{name: found.tensors[f"pending/{i}/{name}"] for name in names} for i in range(done % every)]
        for row in rows:
            log(*row)
            _tell(row[0], steps, row[1])
    logger.info("begins after step %d of %d", done, steps)
    told = begun = time.monotonic()
    with _asked_to_end(checkpoints is not None) as asked:
        for now in range(done + 1, steps + 1):
            pending.append(step())
            if now % every == 0 or now == steps:
                rows.append((now, _means(pending)))
                log(*rows[-1])
                _tell(now, steps, rows[-1][1])
                told = time.monotonic()
                _refuse_infinite(steps, *rows[-1])
                pending = []
            elif time.monotonic() - told > PROGRESS_EVERY:
                _tell(now, steps, {})
                told = time.monotonic()
            if checkpoints and now < steps and (asked or checkpoints.due(now)):
                checkpoints.save(_snapshot(now, parts, rows, pending))
            if asked and now < steps:
                raise Interrupted(asked[0].name, now, steps)
    logger.info("took %.1f s, of which it waited %.3f s for batches", time.monotonic() - begun, parts.batches.waited)


def _tell(step: int, steps: int, losses: Row) -> None:
    """A line of the log, from which ``benchmark.monitoring.watch`` tells how far the training is."""
    means = ", ".join(f"{name} {loss:.4g}" for name, loss in losses.items())
    logger.info("step %d of %d%s", step, steps, f": {means}" if means else "")


def _snapshot(step: int, parts: Parts, rows: list[tuple[int, Row]], pending: list[Losses]) -> Snapshot:
    waiting = {f"pending/{i}/{name}": loss for i, losses in enumerate(pending) for name, loss in losses.items()}
    values = {"parts": parts.values(), "rows": rows, "pending": list(pending[0]) if pending else []}
    return Snapshot(step, {**parts.tensors(), **waiting}, values)


def _means(pending: list[Losses]) -> Row:
    return {name: torch.stack([each[name] for each in pending]).mean().item() for name in pending[0]}


def _refuse_infinite(steps: int, step: int, losses: Row) -> None:
    if broken := [name for name, loss in losses.items() if not math.isfinite(loss)]:
        raise Diverged(f"{', '.join(broken)} not finite at step {step} of {steps}")


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


@contextmanager
def _asked_to_end(listening: bool) -> Iterator[list[signal.Signals]]:
    """A list that is empty until a signal asks for the end. A second signal ends the process as it always would."""
    asked: list[signal.Signals] = []
    if not listening:
        yield asked
        return

    def note(number: int, frame: object) -> None:
        asked.append(signal.Signals(number))
        logger.warning("%s: stopping after this step", asked[0].name)
        for each, handler in before.items():
            signal.signal(each, handler)

    before = {each: signal.signal(each, note) for each in SIGNALS}
    try:
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

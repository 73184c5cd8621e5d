"""The loop of every training: steps, history, checkpoints, and an orderly end on a signal."""

import logging
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from benchmark.runtime.errors import Diverged, Interrupted
from benchmark.runtime.memory import keep_freed_memory
from benchmark.training.checkpoints import Checkpoints, Snapshot
from benchmark.training.state import TrainingState

HISTORY_ROWS = 200
"""Approximate number of rows of a history; each row averages the steps since the one before."""
PROGRESS_EVERY = 30.0
"""Seconds after which the log states the step if no row of the history is due."""
# Slurm can send one of the last two before it kills a job (--signal).
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)

Losses = dict[str, Tensor]
Row = dict[str, float]

logger = logging.getLogger(__name__)


def train(
    state: TrainingState,
    steps: int,
    step: Callable[[], Losses],
    log: Callable[[int, Row], None],
    checkpoints: Checkpoints | None = None,
) -> None:
    """Takes all steps, or those that an earlier process has left.

    Losses stay on the device between the rows of the history, so that the loop never waits for a GPU.

    Args:
        state: all that ``step`` changes.
        steps: in all.
        step: takes one step and returns its losses, scalars without a graph.
        log: called with a step and the mean losses since the row before; after a resumption, again from the first row.
        checkpoints: where to look for one and to leave them; None: nowhere.

    Raises:
        Diverged: a loss is not finite.
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: the checkpoint belongs to another config, code or data.
    """
    keep_freed_memory()
    every = max(1, steps // HISTORY_ROWS)
    done, rows, pending = 0, [], []
    if checkpoints and (found := checkpoints.latest()):
        state.restore(found.tensors, found.values["state"])
        done, rows = found.step, found.values["rows"]
        pending = [
            {name: found.tensors[f"pending/{i}/{name}"] for name in names}
            for i, names in enumerate(found.values["pending"])
        ]
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
            if checkpoints and now < steps and (asked or now % checkpoints.every == 0):
                checkpoints.save(_snapshot(now, state, rows, pending))
            if asked and now < steps:
                raise Interrupted(asked[0].name, now, steps)
    logger.info("took %.1f s, of which it waited %.3f s for batches", time.monotonic() - begun, state.batches.waited)


def _tell(step: int, steps: int, losses: Row) -> None:
    """A line of the log, which ``benchmark.monitoring.watch`` reads."""
    means = ", ".join(f"{name} {loss:.4g}" for name, loss in losses.items())
    logger.info("step %d of %d%s", step, steps, f": {means}" if means else "")


def _snapshot(step: int, state: TrainingState, rows: list[tuple[int, Row]], pending: list[Losses]) -> Snapshot:
    waiting = {f"pending/{i}/{name}": loss for i, losses in enumerate(pending) for name, loss in losses.items()}
    values = {"state": state.values(), "rows": rows, "pending": [list(losses) for losses in pending]}
    return Snapshot(step, {**state.tensors(), **waiting}, values)


def _means(pending: list[Losses]) -> Row:
    """Of each loss over the steps that have it."""
    names = dict.fromkeys(name for losses in pending for name in losses)
    return {name: torch.stack([each[name] for each in pending if name in each]).mean().item() for name in names}


def _refuse_infinite(steps: int, step: int, losses: Row) -> None:
    if broken := [name for name, loss in losses.items() if not math.isfinite(loss)]:
        raise Diverged(f"{', '.join(broken)} not finite at step {step} of {steps}")


@contextmanager
def _asked_to_end(listening: bool) -> Iterator[list[signal.Signals]]:
    """A list that is empty until a signal asks for the end. Schedulers may send one several times."""
    asked: list[signal.Signals] = []
    if not listening:
        yield asked
        return

    def note(number: int, frame: object) -> None:
        asked.append(signal.Signals(number))
        logger.warning("%s: stopping after this step", asked[0].name)

    before = {each: signal.signal(each, note) for each in SIGNALS}
    try:
        yield asked
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

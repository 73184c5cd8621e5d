"""Checkpoints: the state of a training that is under way, on disk, so that a kill costs a few steps and no bit.

A checkpoint is a folder ``step-<n>`` with ``tensors.safetensors``, ``state.json`` and ``SHA256SUMS`` (in the format of
``sha256sum``). It is written under a temporary name, flushed to the disk and renamed. The last two are kept: should the
last be damaged, the one before it serves. They lie beside the results and not in them, where Snakemake would delete
them with the outputs of a job that failed, and go when a later job uses what was trained (``resuming.discard``): until
Snakemake has booked a training, it deletes what that left, and makes it again.

One process at a time trains: a lock, which the kernel gives back however a process ends, keeps a second one out while
the first of a killed run is still at work.
"""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import ModelError
from benchmark.runtime.locks import lock

KEPT = 2
PATIENCE = 60.0
"""Seconds that a training waits for another process that is about to end the same one."""
_SPOKEN = {"config": "settings", "code": "code", "slices": "prepared slices", "splits": "training subjects"}
TENSORS, STATE, SUMS = "tensors.safetensors", "state.json", "SHA256SUMS"
FINISHED = "finished"
"""A file that says that the training ended; then nobody waits for what its checkpoints hold."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A training after some step.

    Attributes:
        step: steps done.
        tensors: by name; on the processor when it was read.
        values: what is no tensor, as JSON has it.
    """

    step: int
    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


@dataclass
class Checkpoints:
    """Those of one training.

    Attributes:
        folder: where they lie.
        identity: what the training is made of (``config``, ``code``, ``slices``, ``splits``), each as a hash. A
            checkpoint of another identity is refused.
        every: steps from one to the next.
        origin: what the training runs on here (versions, hardware, kernels), as ``run.json`` has it, and its
            micro-batch. It may change from one process to the next; then the bits may differ from an undisturbed
            training's, which is said.
        resumed_at: the step that this process went on from; 0 when it began at the beginning.
        earlier_seconds: what former processes spent on the steps until then.
        earlier_origins: where former processes took their steps, as far as that was another origin.
    """

    folder: Path
    identity: Mapping[str, str]
    every: int
    origin: Mapping[str, Any] = field(default_factory=dict)
    resumed_at: int = field(default=0, init=False)
    earlier_seconds: float = field(default=0.0, init=False)
    earlier_origins: list[Mapping[str, Any]] = field(default_factory=list, init=False)
    _begun: float = field(default_factory=time.monotonic, init=False)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps every other process from the same training while the block lasts.

        Raises:
            ModelError: another is at it, and still is after ``PATIENCE`` seconds.
        """
        path = self.folder.with_name(f"{self.folder.name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + PATIENCE
        with path.open("a+", encoding="utf-8") as file:
            while not lock(file):
                if time.monotonic() > until:
                    file.seek(0)
                    other = file.read().strip() or "unknown"
                    raise ModelError(
                        path,
                        f"this training is under way in another process ({other}), which a killed run may have left",
                        "Wait until it is done, or end it, and run again",
                    )
                time.sleep(0.5)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def due(self, step: int) -> bool:
        """Whether one is written after this step."""
        return step % self.every == 0

    def save(self, snapshot: Snapshot) -> None:
        """Writes one, flushes it to the disk, and removes all but the last two.

        Raises:
            OSError: there is no room, say. The checkpoints before it are as they were.
        """
        seconds = self.earlier_seconds + time.monotonic() - self._begun
        state = {
            "step": snapshot.step,
            "seconds": seconds,
            "identity": dict(self.identity),
            "origins": [*self.earlier_origins, self.origin],
            "values": snapshot.values,
        }
        contents = {
            # Not save_file, whose error on a full disk is no OSError.
            # A copy of each, because it refuses tensors that share memory, as images of one batch do.
            TENSORS: save({name: t.detach().to("cpu", copy=True).contiguous() for name, t in snapshot.tensors.items()}),
            STATE: json.dumps(state, allow_nan=False).encode(),
        }
        sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
        for torn in self.folder.glob(".step-*"):  # of a process that was killed while it wrote
            shutil.rmtree(torn, ignore_errors=True)
        (self.folder / FINISHED).unlink(missing_ok=True)
        with atomic_folder(self._path(snapshot.step), flushed=True) as temporary:
            for name, content in {**contents, SUMS: "".join(sums).encode()}.items():
                (temporary / name).write_bytes(content)
        for old in self._all()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def latest(self) -> Snapshot | None:
        """The last that is whole; None where there is none. What is damaged is reported and left out.

        Raises:
            ModelError: it is of a training with another config, code or data that has not ended.
        """
        for path in reversed(self._all()):
            try:
                state = self._read(path)
                tensors = load_file(path / TENSORS)
            # Denied access, say, is no fault of the checkpoint's: that ends the process, and the same command goes on.
            except (FileNotFoundError, ValueError, KeyError, SafetensorError) as error:
                logger.warning("the checkpoint %s is damaged (%s); it is not used", path, error)
                aside = path.with_name(f"damaged-{path.name}")  # in its place it would count as one of the last two
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
                continue
            if not self._of_this(path, state["identity"]):
                return None
            self.resumed_at, self.earlier_seconds = state["step"], state["seconds"]
            logger.info("going on from the checkpoint %s", path)
            self.earlier_origins = [other for other in state["origins"] if other != self.origin]
            if self.earlier_origins:
                logger.warning(
                    "it was made on another machine, with other packages or in other micro-batches: "
                    "bits may differ from there on"
                )
            return Snapshot(state["step"], tensors, state["values"])
        return None

    def finish(self) -> None:
        """Notes that the training ended. Its checkpoints stay, should it be made again."""
        if self.folder.is_dir():
            (self.folder / FINISHED).touch()

    def remove(self) -> None:
        """Removes all: whoever goes on from them comes to nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self, path: Path) -> dict[str, Any]:
        """The JSON, after both files were checked."""
        lines = (line.partition("  ") for line in (path / SUMS).read_text().splitlines())
        sums = {name: stated for stated, _, name in lines}
        for name in (TENSORS, STATE):
            with (path / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sums.get(name):
                raise ValueError(f"the SHA-256 of {name} is not that of {SUMS}")
        return json.loads((path / STATE).read_bytes())

    def _of_this(self, path: Path, identity: Mapping[str, str]) -> bool:
        """Whether this training may go on from a checkpoint; those of another that ended are removed."""
        others = [name for name, value in self.identity.items() if identity.get(name) != value]
        if not others:
            return True
        fault = f"is a checkpoint of this training with other {' and other '.join(_SPOKEN[name] for name in others)}"
        if not (self.folder / FINISHED).exists():
            remedy = f"Restore what it was made with and run the same command, or delete {self.folder} to train anew"
            raise ModelError(path, fault, remedy)
        logger.info("%s %s, which ended; it is removed", path, fault)
        self.remove()
        return False

    def _path(self, step: int) -> Path:
        return self.folder / f"step-{step:09}"

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

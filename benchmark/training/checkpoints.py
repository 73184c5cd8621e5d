"""Checkpoints: the state of an unfinished training on disk, so that a kill costs a few steps and changes no bit.

One is a folder ``step-<n>`` with ``tensors.safetensors``, ``state.json`` and ``SHA256SUMS`` (as of
``sha256sum``). It is written under a temporary name and renamed. The last two are kept, in case the last is damaged, as
by a power cut. They lie beside the results and not in them, where Snakemake would delete them with the outputs of
a failed job.

A lock keeps a second process out while one of a killed run still trains; the kernel releases it with its process.
"""

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor

from benchmark.runtime.atomic import atomic_folder
from benchmark.runtime.errors import ModelError
from benchmark.runtime.locks import hold, holder

KEPT = 2
PATIENCE = 60.0
"""Seconds to wait for another process that may be about to end the same training."""
_SPOKEN = {"config": "settings", "code": "code", "slices": "prepared slices", "splits": "training subjects"}
TENSORS, STATE, SUMS = "tensors.safetensors", "state.json", "SHA256SUMS"
FINISHED = "finished"
"""A file that marks an ended training: checkpoints of other settings may then be removed."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Snapshot:
    """A training after some step.

    Attributes:
        step: steps done.
        tensors: by name; on the CPU after reading.
        values: everything else, as JSON.
    """

    step: int
    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


@dataclass
class Checkpoints:
    """Those of one training.

    Attributes:
        folder: where they lie.
        identity: hashes of what the training depends on (``config``, ``code``, ``slices``, ``splits``). A checkpoint of
            another identity is refused.
        every: steps from one to the next.
        origin: versions, hardware and kernels here, as in ``run.json``. If they change from one process to the next,
            bits may differ from those of an undisturbed training; a warning says so.
        resumed_at: the step from which this process went on; 0 if it started at the beginning.
        earlier_seconds: time that earlier processes spent on the steps until then.
        earlier_origins: origins of earlier processes, if they differ.
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
        """Keeps other processes from the same training during the block.

        Raises:
            ModelError: another process still trains it after ``PATIENCE`` seconds.
        """
        path = self.folder.with_name(f"{self.folder.name}.lock")
        until = time.monotonic() + PATIENCE
        while not (file := hold(path)):
            if time.monotonic() > until:
                fault = f"another process ({holder(path)}) is at this training; a killed run may have left it behind"
                raise ModelError(path, fault, "Wait until it is done, or end it, and run again")
            time.sleep(0.5)
        with file:
            yield

    def save(self, snapshot: Snapshot) -> None:
        """Writes one, and removes all but the last two.

        Raises:
            OSError: for example, the disk is full. Earlier checkpoints stay as they are.
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
            # Copies, because safetensors refuses tensors that share memory, as images of one batch do.
            TENSORS: save({name: t.detach().to("cpu", copy=True).contiguous() for name, t in snapshot.tensors.items()}),
            STATE: json.dumps(state, allow_nan=False).encode(),
        }
        sums = [f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items()]
        for torn in self.folder.glob(".step-*"):  # of a process that was killed while it wrote
            shutil.rmtree(torn, ignore_errors=True)
        (self.folder / FINISHED).unlink(missing_ok=True)
        with atomic_folder(self.folder / f"step-{snapshot.step:09}") as temporary:
            for name, content in {**contents, SUMS: "".join(sums).encode()}.items():
                (temporary / name).write_bytes(content)
        for old in self._all()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def latest(self) -> Snapshot | None:
        """The last undamaged checkpoint, or None. Damaged ones are reported and skipped.

        Raises:
            ModelError: it belongs to an unfinished training with another config, code or data.
        """
        for path in reversed(self._all()):
            try:
                state = self._read(path)
                tensors = load_file(path / TENSORS)
            # Other errors, such as denied access, are not damage: they end the process.
            except (FileNotFoundError, ValueError, KeyError) as error:
                logger.warning("the checkpoint %s is damaged (%s); it is removed", path, error)
                shutil.rmtree(path)
                continue
            others = [_SPOKEN[name] for name, value in self.identity.items() if state["identity"].get(name) != value]
            if others:
                self._discard_others(path, f"is a checkpoint of this training with other {' and other '.join(others)}")
                return None
            self.resumed_at, self.earlier_seconds = state["step"], state["seconds"]
            logger.info("going on from the checkpoint %s", path)
            self.earlier_origins = [other for other in state["origins"] if other != self.origin]
            if self.earlier_origins:
                logger.warning("it was made on another machine or with other packages: bits may differ from there on")
            return Snapshot(state["step"], tensors, state["values"])
        return None

    def finish(self) -> None:
        """Marks the training as ended. Its checkpoints stay, in case Snakemake runs it again."""
        if self.folder.is_dir():
            (self.folder / FINISHED).touch()

    def remove(self) -> None:
        """Removes all checkpoints."""
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

    def _discard_others(self, path: Path, fault: str) -> None:
        """Removes the checkpoints of another training if that ended."""
        if not (self.folder / FINISHED).exists():
            remedy = f"Restore what it was made with and run the same command, or delete {self.folder} to train anew"
            raise ModelError(path, fault, remedy)
        logger.info("%s %s, which ended; it is removed", path, fault)
        self.remove()

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

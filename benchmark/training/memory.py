"""A training that runs out of memory: what it says, and the micro-batch of the next try.

What the machine lacks, a scheduler can give: Snakemake's next try asks for twice as much. A GPU's memory is what it
is: its next try takes half as many samples at a time, which changes the gradients by rounding alone, and says so.
"""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmark.results.provenance import Record
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import ModelError, OutOfMemory
from benchmark.runtime.memory import ran_out
from benchmark.training.checkpoints import Checkpoints

NOTE = "micro-batch.json"
GOES_ON = "it goes on from its last checkpoint"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """How many samples of a batch one training takes at a time.

    Attributes:
        name: of the training, for messages.
        checkpoints: beside which a try that ran out of memory leaves a note for the next.
        batch: samples of a whole batch.
        indivisible: asks why the batch cannot be divided, if that is so.
    """

    name: str
    checkpoints: Checkpoints
    batch: int
    indivisible: Callable[[], str | None]

    @contextmanager
    def micro_batch(self, record: Record) -> Iterator[int | None]:
        """The micro-batch within the block; None is the whole batch. It is written into the provenance.

        Raises:
            ModelError: the note of an earlier try is damaged.
            OutOfMemory: the block ran out of memory. Where the GPU's was too small for more than one sample, the next
                try takes half as many at a time.
        """
        size = self._noted()
        taken = self.batch if size is None else size
        record.facts["micro_batch"] = taken
        # Checkpoints of another micro-batch are gone on from; that bits then differ is said as for another machine.
        self.checkpoints.origin = {**self.checkpoints.origin, "micro_batch": taken}
        try:
            yield size
        except (MemoryError, RuntimeError, OSError) as error:
            whose = ran_out(error)
            if whose is None:
                raise
            logger.warning("%s", error or type(error).__name__)
            if whose == "machine":
                more = f"Run it again with more memory (mem_mb of its rule); {GOES_ON}"
                raise OutOfMemory(self.name, "the machine has not enough memory for it", more) from None
            raise self._halved(taken) from None

    def _noted(self) -> int | None:
        path = self.checkpoints.folder / NOTE
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
            size, identity = int(note["micro_batch"]), note["identity"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(path, f"is damaged ({error!r})", "Delete it and run again") from None
        if identity != dict(self.checkpoints.identity):
            return None  # other settings may fit
        logger.warning("the GPU's memory ran out before: batches of %d go through in parts of %d", self.batch, size)
        return size

    def _halved(self, taken: int) -> OutOfMemory:
        """Leaves a note for the next try, if there is a smaller micro-batch, and says what to do."""
        fault = f"the GPU has not enough memory for {taken} of its batch of {self.batch} at a time"
        lower = "Lower the width, the crop or the batch_size in the config, or take a GPU with more memory"
        if reason := self.indivisible():
            return OutOfMemory(self.name, f"{fault}, and fewer would have other gradients: {reason}", lower)
        if taken == 1:
            return OutOfMemory(self.name, fault, lower)
        note = {"micro_batch": taken // 2, "identity": dict(self.checkpoints.identity)}
        write_atomically(self.checkpoints.folder / NOTE, json.dumps(note) + "\n")
        return OutOfMemory(self.name, fault, f"Run it again: {GOES_ON}, with {taken // 2} at a time")

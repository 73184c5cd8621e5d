"""A training that runs out of memory ends with a message of its own, and the next try goes on from its checkpoint."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.runtime.errors import OutOfMemory
from benchmark.runtime.memory import ran_out

logger = logging.getLogger(__name__)

_REMEDIES = {
    "machine": "Run it again with more memory (mem_mb of its rule); it goes on from its last checkpoint",
    "GPU": "Lower the width, the crop or the batch_size in the config, or take a GPU with more memory",
}


@contextmanager
def limited_memory(name: str) -> Iterator[None]:
    """Turns errors of the block that mean that memory ran out into one message.

    Args:
        name: of the training.

    Raises:
        OutOfMemory: the block ran out of memory.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        whose = ran_out(error)
        if whose is None:
            raise
        logger.warning("%s", error or type(error).__name__)
        raise OutOfMemory(name, f"the {whose} has not enough memory for it", _REMEDIES[whose]) from None

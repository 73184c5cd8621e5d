"""Calls in parallel processes."""

import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.reduction import DupFd
from typing import IO, Any

from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from benchmark.runtime.errors import UserError


def run_parallel(
    call: Callable[..., Any],
    arguments: Iterable[tuple[Any, ...]],
    jobs: int,
    *,
    product: object,
    remedy: str,
    held: IO[Any] | None = None,
) -> None:
    """Calls a module's function once for each tuple of arguments; after an error, no further call starts.

    The processes end when this one ends, even if it is killed.

    Args:
        jobs: maximum number of calls at a time.
        product: what the calls make, for the message if a process is killed.
        remedy: what to do about that.
        held: an open, locked file; the lock lasts until this process and all of its workers have ended.

    Raises:
        UserError: a process was killed or ran out of memory.
        Exception: the first error of a call.
    """
    todo = list(arguments)
    # joblib runs a single job in this process, which the kernel would then kill for lack of memory. So there are always
    # two workers, and `pre_dispatch` limits the calls at a time.
    workers = Parallel(
        n_jobs=max(2, min(jobs, len(todo))),
        pre_dispatch=jobs,
        batch_size=1,
        initializer=_end_with_parent,
        initargs=(os.getpid(), held and _Inherited(held.fileno())),
    )
    try:
        workers(delayed(call)(*each) for each in todo)
    except BrokenProcessPool as error:
        fault = "one of the processes that make it was killed, as happens where memory runs out"
        raise UserError(product, fault, remedy) from error
    except MemoryError as error:
        raise UserError(product, "one of the processes that make it ran out of memory", remedy) from error
    finally:
        # Else the workers would wait for further calls, and hold the lock.
        get_reusable_executor().shutdown()


class _Inherited:
    """A file descriptor that a worker inherits when it starts; joblib has no option for that."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[type["_Inherited"], tuple[int]]:
        """Pickled while a worker is being started, DupFd passes the descriptor on to it."""
        return type(self), (DupFd(self.descriptor).detach(),)


def _end_with_parent(parent: int, _inherited: _Inherited | None) -> None:
    """Ends this worker when its parent has ended: joblib's workers would finish their call first."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

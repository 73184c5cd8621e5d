"""Work of many processes side by side."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from multiprocessing.reduction import DupFd
from typing import IO, Any

from benchmark.runtime.errors import UserError


def side_by_side(
    call: Callable[..., None],
    arguments: Iterable[tuple[Any, ...]],
    jobs: int,
    *,
    work: object,
    fewer: str,
    held: IO[Any] | None = None,
) -> None:
    """Calls a function of a module once for each tuple of arguments; what is not begun after a fault is left.

    The processes end with this one, however it ends.

    Args:
        jobs: processes at a time.
        work: what they make, for the message where one of them is killed.
        fewer: what to do about that.
        held: an open file whose lock is theirs too: it is given back when this process and all of them have ended.

    Raises:
        UserError: one of the processes was killed or ran out of memory.
        Exception: what the first call raised that failed.
    """
    todo = list(arguments)
    # Spawned, not forked: the same on every platform, and nothing of this process's threads is inherited.
    with ProcessPoolExecutor(
        max(1, min(jobs, len(todo))),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
        initargs=(None if held is None else _Inherited(held.fileno()),),
    ) as pool:
        try:
            for future in [pool.submit(call, *each) for each in todo]:
                future.result()
        except BrokenProcessPool as error:
            fault = "one of the processes that make it was killed, as happens where memory runs out"
            raise UserError(work, fault, fewer) from error
        except MemoryError as error:
            pool.shutdown(cancel_futures=True)
            raise UserError(work, "one of the processes that make it ran out of memory", fewer) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class _Inherited:
    """A file descriptor that a process has from its first moment on, when this is among what it is started with."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[type["_Inherited"], tuple[int]]:
        """Pickled for a process that is being spawned, it has that process inherit the descriptor, by its number."""
        return type(self), (DupFd(self.descriptor).detach(),)


def _end_with_parent(_inherited: _Inherited | None) -> None:
    """Ends this process as soon as the one that spawned it has ended, even if that was before this call.

    Nobody else holds the other end of the pipe behind ``sentinel``, which the kernel closes with the parent.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()

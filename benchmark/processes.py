"""Work of many processes side by side."""

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def side_by_side(call: Callable[..., None], arguments: Iterable[tuple[Any, ...]], jobs: int) -> None:
    """Calls a function of a module once for each tuple of arguments; what is not begun after a fault is left.

    Args:
        jobs: processes at a time.

    Raises:
        Exception: what the first call raised that failed.
    """
    todo = list(arguments)
    # Spawned, not forked: the same on every platform, and nothing of this process's threads is inherited.
    with ProcessPoolExecutor(max(1, min(jobs, len(todo))), mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(call, *each) for each in todo]
        try:
            for future in futures:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

"""Faults of a method fail one cell; those of the rest of the suite stop the run.

A fault is the method's if it occurs in a call into the method, also where that calls networks or the trainer of
``benchmark``: a traceback cannot tell who gave a wrong argument to whom.
"""

import errno
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmark.data.slices import Images
from benchmark.methods.base import Direction, Method
from benchmark.runtime.errors import Interrupted, MethodFailed, UserError
from benchmark.runtime.memory import ran_out
from benchmark.runtime.paths import RESULTS
from benchmark.runtime.system_errors import MACHINE_FAULTS

_LONGEST = 300  # characters of a reason, which stands in tables

T = TypeVar("T")

logger = logging.getLogger(__name__)


def guarded(call: Callable[..., T], *arguments: Any) -> T:
    """Calls into a method, and turns an exception into :class:`MethodFailed`.

    What the user or the machine caused stays as it is: a ``UserError``, a signal, memory or a disk that is full, a
    result that cannot be read or written.

    Raises:
        MethodFailed: with the exception's class and message; the log has its traceback.
    """
    try:
        return call(*arguments)
    except (UserError, MethodFailed, Interrupted, KeyboardInterrupt):
        raise
    except BaseException as error:
        if ran_out(error) or (isinstance(error, OSError) and _of_the_machine(error)):
            raise
        logger.warning("the method failed", exc_info=True)
        raise MethodFailed(reason_of(error)) from error


def _of_the_machine(error: OSError) -> bool:
    if error.filename is None:
        return error.errno in MACHINE_FAULTS
    below = Path(error.filename).resolve().is_relative_to(RESULTS.resolve())
    return error.errno in MACHINE_FAULTS if below else error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO)


def in_method(files: Iterable[Path]) -> bool:
    """Whether a call into a method is among the source files of a stack."""
    return Path(__file__) in files


def reason_of(error: BaseException) -> str:
    """Class and message, in one line that UTF-8 can hold: undecodable file names are escaped."""
    message = str(error).encode("utf-8", "backslashreplace").decode()
    return f"{type(error).__name__}: {' '.join(message.split())}"[:_LONGEST].removesuffix(": ")


def translate(method: Method, images: Images, direction: Direction = Direction.FORWARD) -> Images:
    """Has a method translate whole slices, and holds the result to the contract of ``Method.translate``.

    Args:
        images: (slices, rows, columns). They may leave [-1, 1], as with noise; the result may then leave it as far.

    Returns:
        float32 of the same shape.

    Raises:
        MethodFailed: the method raised, or gave no array, another shape, or values not finite or out of range.
    """
    low, high = min(-1.0, float(images.min())), max(1.0, float(images.max()))
    given = guarded(method.translate, images.copy(), direction)  # a method may work in place
    try:
        made = np.asarray(given, np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise MethodFailed(f"translate() gave no array ({reason_of(error)})") from None
    if made.shape != images.shape:
        raise MethodFailed(f"translate() gave the shape {made.shape} instead of {images.shape}")
    if not np.isfinite(made).all():
        raise MethodFailed("translate() gave values that are not finite")
    if made.min() < low or made.max() > high:
        found = f"{made.min():g} to {made.max():g}"
        raise MethodFailed(f"translate() gave values from {found}, outside [{low:g}, {high:g}]")
    return made

"""Faults of a method, told from those of the suite: the former fail one cell, the latter stop the run."""

import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmark.data.slices import Images
from benchmark.methods.base import Direction, Method
from benchmark.methods.registry import FOLDER
from benchmark.runtime.errors import Interrupted, MethodFailed, UserError
from benchmark.runtime.memory import ran_out
from benchmark.runtime.system_errors import MACHINE_FAULTS

_LONGEST = 300  # characters of a reason, which stands in tables

logger = logging.getLogger(__name__)


@contextmanager
def method_faults() -> Iterator[None]:
    """Turns an exception that passed through a file in ``methods/`` into :class:`MethodFailed`.

    What a user or the machine caused is none: a ``UserError``, a signal, memory that ran out, a full disk.

    Raises:
        MethodFailed: with the exception's class and message; the log has its traceback.
    """
    try:
        yield
    except (UserError, MethodFailed, Interrupted, KeyboardInterrupt):
        raise
    except BaseException as error:
        of_machine = ran_out(error) or (isinstance(error, OSError) and error.errno in MACHINE_FAULTS)
        files = (Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__))
        if of_machine or not in_method(files):
            raise
        logger.warning("the method failed", exc_info=True)
        raise MethodFailed(reason_of(error)) from error


def in_method(files: Iterable[Path]) -> bool:
    """Whether one of the source files of a stack is a method's own."""
    return any(path.resolve().is_relative_to(FOLDER.resolve()) for path in files)


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
    with method_faults():
        given = method.translate(images.copy(), direction)  # a method may work in place
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

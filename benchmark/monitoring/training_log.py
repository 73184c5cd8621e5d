"""Progress of a training, read from the lines that ``benchmark.training.loop`` writes to its job's log.

A log may be read while it is written; an incomplete last line is ignored.
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

TAIL = 100_000
"""Bytes read from the end of a log: a few hundred lines."""
WHOLE = sys.maxsize
"""Length for :func:`tail` that reads the whole log."""
_LINE = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<begins>begins after )?step (?P<step>\d+) of (?P<steps>\d+)"
    r"(: (?P<losses>[^\n]+))?\n",
    re.MULTILINE,
)
_RECENT = 20  # lines over which the speed is averaged


@dataclass(frozen=True)
class Row:
    """One line of a log.

    Attributes:
        time: UNIX time on the machine that trains.
        losses: means since the row before; empty in a line without losses.
    """

    time: float
    step: int
    steps: int
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        losses: the latest in the log.
        per_second: steps per second; None before there are two lines.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    per_second: float | None

    @property
    def seconds_left(self) -> float | None:
        """Counted from the last line."""
        return (self.steps - self.step) / self.per_second if self.per_second else None


def modified(path: Path) -> float | None:
    """UNIX time of a file's last change; None if it does not exist."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def tail(log: Path, length: int = TAIL) -> str:
    """The last ``length`` bytes of a log, from the first complete line; empty if the log does not exist."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - length))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text if size <= length else text.partition("\n")[2]


def rows_of(text: str) -> tuple[list[Row], list[Row]]:
    """Rows of a log: first those repeated from an earlier process of the same training, then this process's own."""
    earlier: list[Row] = []
    rows: list[Row] = []
    for found in _LINE.finditer(text):
        if found["begins"]:
            earlier, rows = [*earlier, *rows], []
        moment = datetime.strptime(found["time"], "%Y-%m-%d %H:%M:%S,%f").timestamp()
        losses = _losses(found["losses"]) if found["losses"] else {}
        rows.append(Row(moment, int(found["step"]), int(found["steps"]), losses))
    return earlier, rows


def progress_of(text: str) -> Progress | None:
    """Progress of a training from the end of its log; None before its first step."""
    earlier, rows = rows_of(text)
    if not rows:
        return None
    first, last = rows[-_RECENT:][0], rows[-1]
    per_second = (last.step - first.step) / (last.time - first.time) if last.time > first.time else None
    losses = next((row.losses for row in reversed([*earlier, *rows]) if row.losses), {})
    return Progress(last.step, last.steps, losses, per_second or None)


def _losses(text: str) -> dict[str, float]:
    pairs = (each.rpartition(" ") for each in text.split(", "))
    return {name: float(value) for name, _, value in pairs}

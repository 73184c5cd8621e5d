"""How far a training is, from the lines that ``benchmark.training.loop`` leaves in its job's log.

A log may be read while it is written to: a line that is not whole says nothing yet.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

TAIL = 100_000
"""Bytes at the end of a log that are looked at: a few hundred lines."""
WHOLE = 100_000_000
"""As many bytes as no log of a training has."""
_TOLD = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<begins>begins after )?step (?P<step>\d+) of (?P<steps>\d+)"
    r"(: (?P<losses>[^\n]+))?\n",
    re.MULTILINE,
)
_RECENT = 20  # lines over which the speed is taken


@dataclass(frozen=True)
class Row:
    """What one line tells.

    Attributes:
        time: seconds since 1970, by the clock of the machine that trains.
        losses: means since the row before; none in a line that tells the step alone.
    """

    time: float
    step: int
    steps: int
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes:
        losses: the last that were told.
        per_second: steps a second; None before there are two lines.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    per_second: float | None

    @property
    def seconds_left(self) -> float | None:
        """From the last line on."""
        return (self.steps - self.step) / self.per_second if self.per_second else None


def modified(path: Path) -> float | None:
    """UNIX time of a file's last change; None where there is no such file."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return None


def tail(log: Path, length: int = TAIL) -> str:
    """The end of a log, from the beginning of a line on; empty where there is none (any more)."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - length))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return text if size <= length else text.partition("\n")[2]


def rows_of(text: str) -> tuple[list[Row], list[Row]]:
    """What the lines of a log tell: first what was told again of an earlier process, then what this one did."""
    earlier: list[Row] = []
    rows: list[Row] = []
    for found in _TOLD.finditer(text):
        if found["begins"]:
            earlier, rows = [*earlier, *rows], []
        moment = datetime.strptime(found["time"], "%Y-%m-%d %H:%M:%S,%f").timestamp()
        losses = _losses(found["losses"]) if found["losses"] else {}
        rows.append(Row(moment, int(found["step"]), int(found["steps"]), losses))
    return earlier, rows


def progress_of(text: str) -> Progress | None:
    """How far the training is whose log this is the end of; None while it has not begun."""
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

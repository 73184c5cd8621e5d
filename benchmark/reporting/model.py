"""A table without a format: blocks of rows of entries, with footnotes and the data behind them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product
from string import ascii_lowercase
from typing import Literal

import pandas as pd

from benchmark.metrics.base import Quantity
from benchmark.reporting.files import Item
from benchmark.statistics.aggregate import Average
from benchmark.statistics.intervals import ENOUGH_SUBJECTS

MISSING = "–"
BELOW, DOUBTFUL = "▼", "†"
MARKS = {
    BELOW: f"{BELOW} the Dice of this method is below that of no harmonization.",
    DOUBTFUL: f"{DOUBTFUL} the interval is of fewer than {ENOUGH_SUBJECTS} test subjects, or of one seed of a trained "
    "method, and may be too narrow.",
}
"""What marks in titles and beside numbers mean."""


@dataclass(frozen=True)
class Entry:
    """One entry as printed.

    Attributes:
        aside: printed smaller after the text: n, an interval, the paper's number and the difference.
        notes: footnotes.
    """

    text: str
    bold: bool = False
    aside: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row; ``rule`` draws a line above it."""

    title: str
    entries: tuple[Entry, ...]
    rule: bool = False


@dataclass(frozen=True)
class Block:
    """Rows under one head.

    Attributes:
        title: head of the first column.
        columns: heads of the others.
        groups: upper heads, each with the number of columns it spans; empty without.
        words: how many of the last columns hold words, which stand at the left.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    groups: tuple[tuple[str, int], ...] = ()
    words: int = 0


def side_by_side(blocks: Sequence[Block], columns: int) -> list[Block]:
    """Blocks of the same rows side by side, up to a number of columns; none is divided."""
    merged: list[Block] = []
    for block in blocks:
        if merged and len(merged[-1].columns) + len(block.columns) <= columns:
            last = merged.pop()
            rows = tuple(
                Row(a.title, (*a.entries, *b.entries), a.rule) for a, b in zip(last.rows, block.rows, strict=True)
            )
            groups = (*_groups(last), *_groups(block)) if last.groups or block.groups else ()
            block = Block(last.title, (*last.columns, *block.columns), rows, groups)
        merged.append(block)
    return merged


def _groups(block: Block) -> tuple[tuple[str, int], ...]:
    return block.groups or (("", len(block.columns)),)


@dataclass(frozen=True)
class Table:
    """A whole table.

    Attributes:
        caption: paragraphs: what is shown, how to read it.
        data: the rows of the CSV, one for each number, unrounded.
        remarks: sentences below the table.
    """

    item: Item
    caption: tuple[str, ...]
    blocks: tuple[Block, ...]
    data: pd.DataFrame
    remarks: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        return ": ".join(filter(None, [self.item.number, self.item.subject]))

    @property
    def below(self) -> tuple[str, ...]:
        """Sentences below the table: the meaning of each mark in it, then the remarks."""
        rows = [row for block in self.blocks for row in block.rows]
        printed = "".join(row.title + "".join(entry.text + entry.aside for entry in row.entries) for row in rows)
        return (*(meaning for mark, meaning in MARKS.items() if mark in printed), *self.remarks)

    @property
    def footnotes(self) -> dict[str, str]:
        """Mark of each footnote, in order of appearance: a, b, …, z, aa, ab, …"""
        entries = (entry for block in self.blocks for row in block.rows for entry in row.entries)
        texts = dict.fromkeys(note for entry in entries for note in entry.notes)
        marks = ("".join(letters) for length in count(1) for letters in product(ascii_lowercase, repeat=length))
        return dict(zip(texts, marks, strict=False))


def head(quantity: Quantity, title: str | None = None) -> str:
    """The head of a quantity's column: title (its own by default), unit and an arrow in the better direction."""
    unit = f" [{quantity.unit}]" if quantity.unit else ""
    arrow = f" ({quantity.arrow})" if quantity.arrow else ""
    return f"{quantity.title if title is None else title}{unit}{arrow}"


def fixed(value: float, decimals: int = 2) -> str:
    """``0.50``; a rounded zero has no sign."""
    text = f"{value:.{decimals}f}"
    return _minus(text.removeprefix("-") if float(text) == 0 else text)


def significant(value: float, digits: int = 3) -> str:
    """A number of significant digits: ``0.0123``, ``0.700``, ``385``, ``1e−6``; all digits before the point stay."""
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{value:#.{digits}g}".partition("e")
    if exponent and int(exponent) > 0:
        return _minus(f"{value:.0f}")
    return _minus(mantissa.removesuffix(".") + (f"e{int(exponent)}" if exponent else ""))


def plain(value: float) -> str:
    """The fewest digits: ``0.0007``, ``1e−6``."""
    return _minus(re.sub(r"e([+-])0*", r"e\1", f"{value:g}").replace("e+", "e"))


def signed(value: float, decimals: int = 2) -> str:
    """``+0.03``, ``−0.01``, ``+0.00``."""
    text = fixed(value, decimals)
    return text if text.startswith("−") else f"+{text}"


def number(text: str) -> float:
    """The number in a printed entry."""
    return float(text.replace("−", "-"))


def _minus(text: str) -> str:
    return text.replace("-", "−")


def best(printed: Sequence[str | None], quantity: Quantity) -> list[bool]:
    """Which of the printed numbers are the best; numbers that print alike tie."""
    shortfalls = [math.nan if text is None else quantity.shortfall(number(text)) for text in printed]
    least = min((value for value in shortfalls if not math.isnan(value)), default=math.nan)
    # 0.45 and 0.55 are as near to 0.5, but for rounding.
    return [math.isclose(value, least, abs_tol=1e-12) for value in shortfalls]


def counted(n: int, total: int, unit: Literal["subject", "fold"]) -> str:
    """Of how many units a mean is: ``n 3`` test subjects, or ``1 fold``; ``n 2/3`` where some have no number."""
    count = str(n) if n == total else f"{n}/{total}"
    return f"n {count}" if unit == "subject" else f"{count} fold{'s' * (total != 1)}"


def interval(low: float, high: float, doubtful: bool = False) -> str:
    """The ends of an interval: ``[0.123, 0.456]``, marked if it may be too narrow; empty where there are none."""
    return "" if math.isnan(low) else f"[{significant(low)}, {significant(high)}]{DOUBTFUL * doubtful}"


def scored(average: Average, text: str, *, bold: bool = False, aside: str = "", notes: tuple[str, ...] = ()) -> Entry:
    """An entry for a score with its n; a dash with the reasons where there is none.

    Args:
        text: the number as printed; ignored where there is none.
    """
    if not average.there:
        return Entry(MISSING, aside=aside, notes=(*average.reasons, *notes))
    aside = " ".join(filter(None, [counted(average.n, average.total, average.unit), aside]))
    return Entry(text, bold, aside, (*average.reasons, *notes))


def coverage(averages: Sequence[Average], what: str) -> str:
    """One sentence on how many of a table's numbers are complete, partial and missing."""
    whole = sum(a.there and a.complete for a in averages)
    partial = sum(a.there and not a.complete for a in averages)
    missing = sum(not a.there for a in averages)
    parts = [f"Coverage: {whole} of {len(averages)} numbers rest on all {what}"]
    if partial:
        parts.append(f"{partial} on some of them (n/N beside the number, or a footnote)")
    if missing:
        parts.append(f"{missing} are missing ({MISSING}, with the reason in a footnote)")
    return "; ".join(parts) + "."

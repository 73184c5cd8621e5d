"""Mean and range of each quantity in each group of subjects."""

from collections.abc import Iterable

import numpy as np

Values = dict[str, dict[tuple[str, str], list[float]]]
"""Values of subjects, or pairs of subjects, by group and by (quantity, unit)."""
COLUMNS = ("group", "quantity", "unit", "count", "mean", "low", "high")


def rows(values: Values) -> list[dict[str, object]]:
    """One row per group and quantity; ``count`` is the number of subjects or, for distances, of pairs."""
    return [
        dict(zip(COLUMNS, (group, *key, len(found), np.mean(found), np.min(found), np.max(found)), strict=True))
        for group, quantities in values.items()
        for key, found in quantities.items()
    ]


def cell(mean: float, low: float, high: float) -> str:
    """Mean and range as in the tables."""
    return f"{mean:.3g} ({low:.3g} to {high:.3g})"


def table(values: Values, groups: Iterable[str]) -> str:
    """A Markdown table with one column per group."""
    groups = list(groups)
    lines = [f"| | {' | '.join(groups)} |", "|---" * (len(groups) + 1) + "|"]
    for name, unit in dict.fromkeys(key for group in groups for key in values[group]):
        found = [values[group].get((name, unit), []) for group in groups]
        cells = [cell(float(np.mean(v)), min(v), max(v)) if v else "" for v in found]
        lines.append(f"| {name}{f', {unit}' if unit else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"

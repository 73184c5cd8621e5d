"""Mean and range of each quantity over the subjects of a group."""

from collections.abc import Iterable

import numpy as np

Values = dict[str, dict[tuple[str, str], list[float]]]
"""Group, then quantity and its unit, then a value for each subject or pair of subjects."""
COLUMNS = ("group", "quantity", "unit", "count", "mean", "low", "high")


def rows(values: Values) -> list[dict[str, object]]:
    """One row for each group and quantity; ``count`` is the number of subjects or, of distances, of pairs."""
    return [
        dict(zip(COLUMNS, (group, *key, len(found), np.mean(found), np.min(found), np.max(found)), strict=True))
        for group, quantities in values.items()
        for key, found in quantities.items()
    ]


def cell(mean: float, low: float, high: float) -> str:
    """Mean and range as tables have them."""
    return f"{mean:.3g} ({low:.3g} to {high:.3g})"


def table(values: Values, groups: Iterable[str]) -> str:
    """Groups side by side, as Markdown."""
    groups = list(groups)
    lines = [f"| | {' | '.join(groups)} |", "|---" * (len(groups) + 1) + "|"]
    for name, unit in dict.fromkeys(key for group in groups for key in values[group]):
        found = [values[group].get((name, unit), []) for group in groups]
        cells = [cell(float(np.mean(v)), min(v), max(v)) if v else "" for v in found]
        lines.append(f"| {name}{f', {unit}' if unit else ''} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"

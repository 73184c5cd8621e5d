"""Tables I to III: the scanners of each dataset, measured and printed."""

import json
from collections.abc import Sequence
from statistics import median

import pandas as pd

from benchmark.config.dataset import DatasetConfig, Domain
from benchmark.reporting import captions
from benchmark.reporting.files import Item
from benchmark.reporting.model import MISSING, Block, Entry, Row, Table
from benchmark.reporting.results import Results
from benchmark.runtime import paths

SWAPPED = "The PI and SV rows of the paper's Table I look swapped; they are shown as printed, and the headers decide."
AXES = 3


def scanners(results: Results, item: Item) -> Table:
    """Tables I to III of one dataset, from its inventory."""
    dataset = results.dataset(item.dataset)
    found = _inventory(dataset)
    rows = tuple(_row(code, domain, found[found["domain"].eq(code)]) for code, domain in dataset.domains.items())
    heads = ("field strength", *("measured", "printed") * 3)
    groups = (("", 1), ("subjects", 2), ("voxels", 2), ("voxel size (mm)", 2))
    caption = captions.paragraphs("table_scanners")
    remarks = [
        f"Coverage: headers of {len(found)} subjects were read; {len(dataset.exclude)} are excluded by the config."
    ]
    if dataset.family == "msseg":
        remarks.append(SWAPPED)
    if dataset.phantom:
        remarks.append("Phantoms: generated images, beside the printed numbers of the archive that they imitate.")
    return Table(item, caption, (Block("Scanner", heads, rows, groups),), found, tuple(remarks))


def _inventory(dataset: DatasetConfig) -> pd.DataFrame:
    """Columns subject, domain, voxels_0..2, spacing_0..2; a row for each subject of the archive."""
    subjects = json.loads(paths.inventory(dataset.name).read_text(encoding="utf-8"))["subjects"]
    return pd.DataFrame(
        {
            "subject": name,
            "domain": entry["domain"],
            **{f"voxels_{axis}": entry["shape"][axis] for axis in range(AXES)},
            **{f"spacing_{axis}": entry["spacing"][axis] for axis in range(AXES)},
        }
        for name, entry in subjects.items()
    )


def _row(code: str, domain: Domain, found: pd.DataFrame) -> Row:
    printed = domain.published_subjects
    return Row(
        f"{domain.title} ({code})",
        (
            Entry(domain.field_strength or MISSING),
            Entry(str(len(found))),
            Entry(MISSING if printed is None else str(printed)),
            Entry(_measured(found, "voxels")),
            Entry(_printed(domain.published_shape)),
            Entry(_measured(found, "spacing")),
            Entry(_printed(domain.published_spacing)),
        ),
    )


def _measured(found: pd.DataFrame, what: str) -> str:
    """Median along each axis, with the range where subjects differ."""
    if found.empty:
        return MISSING
    return " × ".join(_axis(found[f"{what}_{axis}"].tolist()) for axis in range(AXES))


def _axis(values: Sequence[float]) -> str:
    low, middle, high = (f"{v:.4g}" for v in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def _printed(values: Sequence[float] | None) -> str:
    return " × ".join(f"{value:g}" for value in values) if values else MISSING

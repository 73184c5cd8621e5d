"""The quality page: proposed exclusions, flags, measures, and a sheet of every subject."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark import __version__
from benchmark.archives.measures import MEASURES, Measure
from benchmark.config.dataset import DatasetConfig
from benchmark.reporting.quality.flags import FEWEST, OUTLIER, Flag, Scored
from benchmark.reporting.templates import environment
from benchmark.runtime import paths

SHEETS, FIGURE = "sheets", "measures.png"


@dataclass(frozen=True)
class Row:
    """A subject on the page.

    Attributes:
        cells: of each measure the text, the value (for sorting), and whether it is flagged.
        flags: their texts.
    """

    subject: str
    domain: str
    cells: tuple[tuple[str, float | None, bool], ...]
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Scanner:
    """Subjects of one scanner, flagged ones first."""

    code: str
    title: str
    rows: tuple[Row, ...]


def proposal(config: DatasetConfig, found: Iterable[Flag]) -> str:
    """A line for the dataset's config that excludes every flagged subject, besides those excluded now.

    Under pseudonyms, flagged subjects alone, by their pseudonyms: the archive's ids do not get into reports.
    """
    excluded = () if config.pseudonyms else config.exclude
    return "exclude: " + json.dumps(list(dict.fromkeys([*excluded, *(flag.subject for flag in found)])))


def render(config: DatasetConfig, subjects: Sequence[Scored], found: Sequence[Flag]) -> str:
    """The page as HTML; its pictures are separate files."""
    measures = [m for m in MEASURES[config.preparation.kind] if any(m.key in s.values for s in subjects)]
    scanners = [_scanner(config, code, measures, subjects, found) for code in config.domains]
    rows = [row for scanner in scanners for row in scanner.rows]
    return (
        environment()
        .get_template("quality.html")
        .render(
            config=config,
            config_path=paths.DATASET_CONFIG / f"{config.name}.yaml",
            private=paths.private(config.name),
            version=__version__,
            measures=measures,
            scanners=[s for s in scanners if s.rows],
            rows=sorted(rows, key=lambda row: not row.flags),
            odd=[row for row in rows if row.flags],
            proposal=proposal(config, found),
            figure=FIGURE,
            sheets=SHEETS,
            fewest=FEWEST,
            outlier=OUTLIER,
        )
    )


def _scanner(
    config: DatasetConfig, code: str, measures: Sequence[Measure], subjects: Sequence[Scored], found: Sequence[Flag]
) -> Scanner:
    rows = [_row(s, measures, [f for f in found if f.subject == s.subject]) for s in subjects if s.domain == code]
    return Scanner(code, config.domains[code].title, tuple(sorted(rows, key=lambda row: not row.flags)))


def _row(subject: Scored, measures: Sequence[Measure], own: Sequence[Flag]) -> Row:
    odd = {flag.measure.key for flag in own}
    cells = []
    for measure in measures:
        value = subject.values.get(measure.key)
        cells.append(("–" if value is None else measure.shown(value), value, measure.key in odd))
    return Row(subject.subject, subject.domain, tuple(cells), tuple(f.text for f in own))

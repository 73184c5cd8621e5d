"""The page that one looks through: the proposal, what is flagged, measures, and a sheet of every subject."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark import __version__
from benchmark.archives.measures import MEASURES, Measure
from benchmark.config.dataset import DatasetConfig
from benchmark.reporting.quality.flags import FEWEST, OUTLIER, Flag, Scored
from benchmark.reporting.quality.report import FIGURE, SHEETS, proposal
from benchmark.reporting.templates import environment
from benchmark.runtime import paths


@dataclass(frozen=True)
class Row:
    """A subject as the page shows it.

    Attributes:
        cells: what is shown of each measure, its value (for sorting), and whether it is flagged.
        flags: what is odd, in words.
        sheet: path of its picture from the page.
    """

    subject: str
    domain: str
    cells: tuple[tuple[str, float | None, bool], ...]
    flags: tuple[str, ...]
    sheet: str


@dataclass(frozen=True)
class Scanner:
    """Subjects of one scanner, flagged ones first."""

    code: str
    title: str
    rows: tuple[Row, ...]

    @property
    def few(self) -> bool:
        """Too few to say what is usual."""
        return len(self.rows) < FEWEST


def render(config: DatasetConfig, everybody: Sequence[Scored], found: Sequence[Flag]) -> str:
    """The page as HTML; pictures lie beside it."""
    measures = [m for m in MEASURES[config.preparation.kind] if any(m.key in s.values for s in everybody)]
    scanners = [_scanner(config, code, measures, everybody, found) for code in config.domains]
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
            fewest=FEWEST,
            outlier=OUTLIER,
        )
    )


def _scanner(
    config: DatasetConfig, code: str, measures: Sequence[Measure], everybody: Sequence[Scored], found: Sequence[Flag]
) -> Scanner:
    rows = [_row(s, measures, [f for f in found if f.subject == s.subject]) for s in everybody if s.domain == code]
    return Scanner(code, config.domains[code].title, tuple(sorted(rows, key=lambda row: not row.flags)))


def _row(subject: Scored, measures: Sequence[Measure], own: Sequence[Flag]) -> Row:
    odd = {flag.measure.key for flag in own}
    cells = []
    for measure in measures:
        value = subject.values.get(measure.key)
        cells.append(("–" if value is None else measure.shown(value), value, measure.key in odd))
    sheet = f"{SHEETS}/{subject.subject}.webp"
    return Row(subject.subject, subject.domain, tuple(cells), tuple(f.text for f in own), sheet)

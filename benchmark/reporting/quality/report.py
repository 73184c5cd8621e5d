"""Makes the sheets, figure, tables and page of a prepared dataset."""

import logging
from collections.abc import Sequence
from pathlib import Path

from benchmark.archives import inventory
from benchmark.archives.measures import MEASURES
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.preparation.prepared import read_record
from benchmark.reporting.quality.flags import Flag, Scored, flags
from benchmark.reporting.quality.page import FIGURE, SHEETS, render
from benchmark.runtime import paths
from benchmark.runtime.atomic import atomic_folder, write_atomically, write_rows
from benchmark.runtime.parallel import run_parallel

INDEX = "index.html"
_log = logging.getLogger(__name__)


def make_quality(dataset: str, jobs: int) -> None:
    """Writes the dataset's folder, :func:`benchmark.runtime.paths.quality`, atomically.

    Args:
        jobs: parallel processes; the files do not depend on it.

    Raises:
        DataError: a prepared subject is missing or damaged.
        UserError: a process was killed.
    """
    from benchmark.reporting import style
    from benchmark.reporting.quality.figure import draw_measures

    config = load_dataset(dataset)
    subjects = scored(dataset)
    measures = MEASURES[config.preparation.kind]
    found = flags(measures, subjects)
    with atomic_folder(paths.quality(dataset)) as folder:
        (folder / SHEETS).mkdir()
        _draw(config, subjects, found, folder / SHEETS, jobs)
        with style.styled():
            style.save(draw_measures(measures, list(config.domains), subjects, found), [folder / FIGURE])
        _write_tables(folder, config, subjects, found)
        write_atomically(folder / INDEX, render(config, subjects, found))
    odd = {flag.subject for flag in found}
    _log.info("%d of %d subjects are flagged: %s", len(odd), len(subjects), paths.quality(dataset) / INDEX)


def scored(dataset: str) -> list[Scored]:
    """Every prepared subject with its measures, in the order of their ids.

    Raises:
        DataError: one is missing or damaged.
    """
    found = []
    for subject in inventory.subjects(dataset):
        record = read_record(paths.subject(dataset, subject))
        found.append(Scored(subject, record["domain"], record["quality"]))
    return found


def _draw(config: DatasetConfig, subjects: Sequence[Scored], found: Sequence[Flag], folder: Path, jobs: int) -> None:
    notes = {s.subject: [f.text for f in found if f.subject == s.subject] for s in subjects}
    todo = [(config, s, notes[s.subject], folder) for s in subjects]
    fewer = (
        f"Run it again with fewer sheets at a time (snakemake --set-threads inspect=1; there were up to {jobs}) or "
        "more memory"
    )
    run_parallel(_draw_one, todo, jobs, product=paths.quality(config.name), remedy=fewer)


def _draw_one(config: DatasetConfig, subject: Scored, notes: list[str], folder: Path) -> None:
    from benchmark.reporting import style
    from benchmark.reporting.quality.sheet import draw_sheet, save_sheet

    with style.styled():
        made = draw_sheet(config, subject.domain, paths.subject(config.name, subject.subject), notes)
        save_sheet(made, folder / f"{subject.subject}.webp")


def _write_tables(folder: Path, config: DatasetConfig, subjects: Sequence[Scored], found: Sequence[Flag]) -> None:
    keys = [m.key for m in MEASURES[config.preparation.kind]]
    write_rows(
        folder / "measures.csv",
        ["subject", "scanner", *keys],
        ({"subject": s.subject, "scanner": s.domain, **s.values} for s in subjects),
    )
    rows = [
        {
            "subject": f.subject,
            "scanner": f.domain,
            "reason": f.reason,
            "measure": f.measure.key,
            "value": f.value,
            "usual_low": f.usual.low,
            "usual_high": f.usual.high,
        }
        for f in found
    ]
    write_rows(
        folder / "flags.csv", ["subject", "scanner", "reason", "measure", "value", "usual_low", "usual_high"], rows
    )

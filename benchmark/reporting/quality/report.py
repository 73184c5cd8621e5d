"""Makes sheets, figure, tables and page of a prepared dataset."""

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmark.archives.inventory import subjects
from benchmark.archives.measures import MEASURES
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.preparation.prepared import read_record
from benchmark.reporting.quality.flags import Flag, Scored, flags
from benchmark.runtime import paths
from benchmark.runtime.atomic import atomic_folder, write_atomically, write_rows
from benchmark.runtime.errors import DataError, made_again
from benchmark.runtime.parallel import side_by_side

INDEX, SHEETS, FIGURE = "index.html", "sheets", "measures.png"
_log = logging.getLogger(__name__)


def make_quality(dataset: str, jobs: int) -> None:
    """Writes the dataset's folder (see :func:`benchmark.runtime.paths.quality`), whole or not at all.

    Args:
        jobs: processes that draw at a time; the files do not depend on it.

    Raises:
        DataError: a prepared subject is missing, damaged or was measured by another version.
        UserError: a process was killed.
    """
    from benchmark.reporting import style
    from benchmark.reporting.quality.figure import draw_measures
    from benchmark.reporting.quality.page import render

    config = load_dataset(dataset)
    everybody = scored(dataset)
    measures = MEASURES[config.preparation.kind]
    found = flags(measures, everybody)
    with atomic_folder(paths.quality(dataset)) as folder:
        (folder / SHEETS).mkdir()
        _draw(config, everybody, found, folder / SHEETS, jobs)
        with style.styled():
            style.save(draw_measures(measures, list(config.domains), everybody, found), [folder / FIGURE])
        _write_tables(folder, config, everybody, found)
        write_atomically(folder / INDEX, render(config, everybody, found))
    odd = {flag.subject for flag in found}
    _log.info("%d of %d subjects are flagged: %s", len(odd), len(everybody), paths.quality(dataset) / INDEX)


def scored(dataset: str) -> list[Scored]:
    """Every prepared subject with its measures, in order of their ids.

    Raises:
        DataError: one is missing, damaged, or was prepared before there were measures.
    """
    found = []
    for subject in subjects(dataset):
        folder = paths.subject(dataset, subject)
        record = read_record(folder)
        if not isinstance(values := record.get("quality"), dict):
            path = folder / "subject.json"
            raise DataError(path, "says nothing of the scan's quality", made_again(path, folder))
        found.append(Scored(subject, record["domain"], values))
    return found


def proposal(config: DatasetConfig, found: Iterable[Flag]) -> str:
    """A line for the dataset's config: whom it excludes now, and everybody who is flagged.

    Where subjects have pseudonyms, only who is flagged, by their pseudonyms: the archive's ids do not get into reports.
    """
    excluded = () if config.pseudonyms else config.exclude
    return "exclude: " + json.dumps(list(dict.fromkeys([*excluded, *(flag.subject for flag in found)])))


def _draw(config: DatasetConfig, everybody: Sequence[Scored], found: Sequence[Flag], folder: Path, jobs: int) -> None:
    notes = {s.subject: [f.text for f in found if f.subject == s.subject] for s in everybody}
    todo = [(config, s, notes[s.subject], folder) for s in everybody]
    said = f"fewer sheets at a time (snakemake --set-threads inspect=1; there were up to {jobs}) or more memory"
    fewer = f"Run it again with {said}"
    side_by_side(_draw_one, todo, jobs, work=paths.quality(config.name), fewer=fewer)


def _draw_one(config: DatasetConfig, subject: Scored, notes: list[str], folder: Path) -> None:
    from benchmark.reporting import style
    from benchmark.reporting.quality.sheet import draw_sheet, save_sheet

    with style.styled():
        made = draw_sheet(config, subject.domain, paths.subject(config.name, subject.subject), notes)
        save_sheet(made, folder / f"{subject.subject}.webp")


def _write_tables(folder: Path, config: DatasetConfig, everybody: Sequence[Scored], found: Sequence[Flag]) -> None:
    keys = [m.key for m in MEASURES[config.preparation.kind]]
    write_rows(
        folder / "measures.csv",
        ["subject", "scanner", *keys],
        ({"subject": s.subject, "scanner": s.domain, **s.values} for s in everybody),
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

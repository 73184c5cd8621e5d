"""Where the time of a run went, from Snakemake's benchmark files and the jobs' logs."""

import re
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark.runtime import paths

CATEGORIES = {
    "fetch": "data",
    "inventory": "data",
    "split": "data",
    "prepare": "preparation",
    "collect": "preparation",
    "train": "training",
    "harmonize": "training",
    "segmentor": "judging",
    "autoencoder": "judging",
    "reference": "scoring",
    "score": "scoring",
    "gather": "scoring",
    "tables": "reporting",
    "figures": "reporting",
    "page": "reporting",
    "inspect": "reporting",
}
"""By rule; all other rules are ``other``."""
_NOTHING = ("-", "NA")  # Snakemake's unknown numbers
PRODUCTIVE = ("training", "judging", "scoring")
START_UP, SCHEDULING = "start-up", "scheduling"
LAST_LINE = re.compile(r"^start-up (?P<seconds>[\d.]+) s, work [\d.]+ s$")
"""The last line of a successful job's log."""


def timings(benchmark: str, *, since: float, wall_seconds: float, cores: int | None) -> pd.DataFrame:
    """Time by rule, then by category.

    The whole is ``wall_seconds * cores``, since every job has one core (``inspect`` has several and counts as one).
    ``start-up`` is the time of the jobs' processes before their work began, ``scheduling`` that of idle cores. These
    two and the categories add up to the whole.

    Args:
        since: UNIX time; older files belong to earlier runs.
        wall_seconds: of the whole run.
        cores: of this machine; None on a cluster, where the number is unknown. There is then no ``scheduling``, and
            the whole is the time of the jobs.

    Returns:
        Columns ``level`` (``rule`` or ``category``), ``name``, ``jobs``, ``seconds`` (of one core), ``start_up``
        (seconds of these), ``share`` (of all core-seconds) and ``max_rss_mb``.
    """
    jobs = _jobs(paths.LOGS / benchmark, since)
    worked = jobs["seconds"].sum()
    available = wall_seconds * cores if cores else worked
    by_rule = _sums(jobs, "rule")
    work = jobs.assign(seconds=jobs["seconds"] - jobs["start_up"], start_up=0.0)
    by_category = _sums(work, "category")
    others = [{"name": START_UP, "jobs": len(jobs), "seconds": jobs["start_up"].sum()}]
    if cores:
        others.append({"name": SCHEDULING, "jobs": 0, "seconds": max(available - worked, 0.0)})
    rest = pd.DataFrame(others)
    found = pd.concat(
        [
            by_rule.assign(level="rule"),
            by_category.assign(level="category"),
            rest.assign(level="category", start_up=0.0),
        ],
        ignore_index=True,
    )
    found["share"] = found["seconds"] / available
    return found[["level", "name", "jobs", "seconds", "start_up", "share", "max_rss_mb"]]


def _jobs(folder: Path, since: float) -> pd.DataFrame:
    """One row for each job of this run."""
    rows = []
    for path in sorted(folder.glob("benchmarks/*/*.tsv")):
        if path.stat().st_mtime >= since and (times := read_times(path)):
            rule = path.parent.name
            rows.append(
                {
                    "rule": rule,
                    "category": CATEGORIES.get(rule, "other"),
                    "seconds": times[0],
                    "start_up": start_up(folder, rule, path.stem),
                    "max_rss_mb": times[1],
                }
            )
    return pd.DataFrame(rows, columns=["rule", "category", "seconds", "start_up", "max_rss_mb"])


def read_times(path: Path) -> tuple[float, float] | None:
    """Seconds and peak MiB of a job from Snakemake's record; MiB are NaN for a job too quick to measure.

    None for a missing or incomplete record: still being written, or cut short by a full disk or a kill.
    """
    try:
        head, values = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[:2])
        row = dict(zip(head, values, strict=True))
        seconds, memory = float(row["s"]), float("nan" if row["max_rss"] in _NOTHING else row["max_rss"])
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return seconds, memory


def start_up(folder: Path, rule: str, job: str) -> float:
    """Start-up seconds in the last line of a job's log, or 0."""
    for path in (folder / rule / f"{job}.log", folder / f"{rule}.log"):
        if path.is_file():
            lines = path.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
            found = LAST_LINE.match(lines[-1]) if lines else None
            return float(found["seconds"]) if found else 0.0
    return 0.0


def _sums(jobs: pd.DataFrame, by: str) -> pd.DataFrame:
    groups = jobs.groupby(by)
    sums = groups.agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        start_up=("start_up", "sum"),
        max_rss_mb=("max_rss_mb", "max"),
    )
    return sums.sort_values("seconds", ascending=False).reset_index(names="name")


def print_table(benchmark: str, *, since: float, wall_seconds: float, cores: int | None) -> None:
    """Prints :func:`timings`, and the share of training, judging and scoring."""
    console = Console(markup=False, emoji=False)
    found = timings(benchmark, since=since, wall_seconds=wall_seconds, cores=cores)
    if not found["jobs"].any():
        console.print("No job ran.")
        return
    where = f"{cores} cores" if cores else "a cluster"
    shown = Table(title=f"{benchmark}: {_duration(wall_seconds)} on {where}", title_justify="left")
    for head in ("", "jobs", "core time", "start-up in it", "share", "largest job"):
        shown.add_column(head, justify="left" if not head else "right")
    for level, part in found.groupby("level", sort=False):
        for _, row in part.iterrows():
            memory = "" if pd.isna(row["max_rss_mb"]) else f"{row['max_rss_mb']:.0f} MiB"
            start_up = _duration(row["start_up"]) if level == "rule" else ""
            jobs = str(row["jobs"]) if row["jobs"] else ""
            shown.add_row(row["name"], jobs, _duration(row["seconds"]), start_up, f"{row['share']:.1%}", memory)
        shown.add_section()
    console.print(shown)
    categories = found[found["level"].eq("category")]
    productive = categories.loc[categories["name"].isin(PRODUCTIVE), "share"].sum()
    idle = categories.loc[categories["name"].isin([START_UP, SCHEDULING]), "share"].sum()
    console.print(f"Training, judging and scoring: {productive:.1%}; start-up and scheduling: {idle:.1%}.")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s"

"""Fig. 1: unpaired samples of each scanner."""

from matplotlib.figure import Figure, SubFigure

from benchmark.config.dataset import DatasetConfig
from benchmark.data.slices import SliceStore
from benchmark.reporting import stores, style
from benchmark.reporting.results import Results
from benchmark.runtime import paths

SUBJECTS = 6
PANEL, HEAD, SCALE = 1.05, 0.25, 0.45
"""Inches: a row of slices, the title above, the grey scale below the last row."""


def draw(results: Results) -> Figure:
    """A row for each scanner: the fullest slice of each of its first subjects by id."""
    found = [(dataset, _scanners(results, dataset)) for dataset in results.datasets]
    heights = [PANEL * len(scanners) + HEAD for _, scanners in found]
    heights[-1] += SCALE
    made = style.figure(height=sum(heights))
    parts = made.subfigures(len(found), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, (dataset, scanners) in zip(parts, found, strict=True):
        _draw_dataset(part, dataset, scanners)
    style.grey_scale(parts[-1], parts[-1].axes)
    return made


def _scanners(results: Results, dataset: DatasetConfig) -> list[str]:
    """Scanners of the benchmark's pairs, in the config's order."""
    used = {end for pair in results.pairs_of(dataset.name) for end in (pair.source, pair.target)}
    return [name for name in dataset.domains if name in used]


def _draw_dataset(part: SubFigure, dataset: DatasetConfig, scanners: list[str]) -> None:
    store = SliceStore(paths.slices(dataset.name))
    part.suptitle(dataset.title, fontsize=7, fontweight="bold")
    subjects = [[s for s in store.subjects if store.domain(s) == scanner][:SUBJECTS] for scanner in scanners]
    grid = part.subplots(len(scanners), max(map(len, subjects)), squeeze=False)
    for row, scanner, ids in zip(grid, scanners, subjects, strict=True):
        for panel in row:
            style.bare(panel)
        for panel, subject in zip(row, ids, strict=False):
            shown = stores.fullest(store, subject)
            style.show_slice(panel, shown.image)
            panel.set_xlabel(subject, fontsize=4.5, labelpad=1)
            if subject == ids[0]:
                style.scale_bars(panel, shown.image.shape, shown.spacing)
        row[0].set_ylabel(style.wrap(f"{dataset.domains[scanner].title} ({scanner})", 16), fontsize=6)

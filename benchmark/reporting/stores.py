"""Single slices for figures, chosen by a rule that is the same for all methods."""

from dataclasses import dataclass

import h5py
import numpy as np

from benchmark.data.slices import Images, Labels, SliceStore
from benchmark.data.splits import Fold, read_fold
from benchmark.reporting.scope import Pair
from benchmark.results.artifacts import read_artifact
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell


@dataclass(frozen=True)
class Shown:
    """The slice of a subject in a figure.

    Attributes:
        image: (rows, columns) in [-1, 1].
        labels: (rows, columns).
        spacing: mm between rows and columns.
    """

    subject: str
    index: int
    image: Images
    labels: Labels
    spacing: tuple[float, float]


def fullest(store: SliceStore, subject: str) -> Shown:
    """The slice with the most labelled pixels, then the largest brain or retina, then the first."""
    labelled, inside = ((a > 0).sum(axis=(1, 2)) for a in (store.labels(subject), store.mask(subject)))
    return at(store, subject, max(range(len(labelled)), key=lambda i: (labelled[i], inside[i], -i)))


def at(store: SliceStore, subject: str, index: int) -> Shown:
    """One slice of a subject."""
    _, down, across = store.spacing(subject)
    return Shown(
        subject, index, np.array(store.image(subject)[index]), np.array(store.labels(subject)[index]), (down, across)
    )


def first_fold(pair: Pair) -> Fold:
    """The fold in the figures: the first that the benchmark runs."""
    return read_fold(paths.splits(pair.dataset.name, pair.name), pair.folds[0])


def harmonized(cell: Cell, subject: str, index: int) -> Images | str:
    """One harmonized slice, or the reason for its absence. Scoring has checked the file, and only a slice is read."""
    with h5py.File(cell.harmonized, "r") as file:
        if file.attrs["status"] != "ok":
            return f"{file.attrs['status']}: {file.attrs['reason']}"
        return file[f"{subject}/image"][index].astype(np.float32)


def prediction(cell: Cell, subject: str, index: int) -> Labels | None:
    """Post-hoc segmentation of one slice, or None where none was saved."""
    found = read_artifact(cell.artifacts, f"predictions/{subject}")
    return None if found is None else found[0][index].astype(np.uint8)


def reconstructions(cell: Cell, subject: str) -> dict[float, Images] | None:
    """Reconstructions of ``shown_slice`` by noise level, or None where none were saved."""
    found = read_artifact(cell.artifacts, f"reconstructions/{subject}")
    if found is None:
        return None
    images, attributes = found
    return dict(zip(map(float, attributes["sigmas"]), images, strict=True))

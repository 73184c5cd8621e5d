"""How much there is of a dataset: subjects, folds, slices, before the archive is there or afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.config.dataset import DatasetConfig, OCTPreparation
from benchmark.config.load import load_dataset
from benchmark.data.splits import Fold, make_folds
from benchmark.monitoring.plan.subjects import expected_subjects
from benchmark.runtime import paths


@dataclass(frozen=True)
class Extent:
    """One dataset.

    Attributes:
        subjects: the domain of each.
        slices: of each subject; every one holds some foreground, as far as is known before it is read.
        folds: of each pair. Before the archive's ids are known others are trained on, and as many.
        known: whether the subjects are those of an inventory.
    """

    dataset: DatasetConfig
    subjects: Mapping[str, str]
    slices: Mapping[str, int]
    folds: Mapping[str, Sequence[Fold]]
    known: bool

    @property
    def slice_pixels(self) -> int:
        rows, columns = self.dataset.preparation.grid_size
        return rows * columns

    def count(self, subjects: tuple[str, ...]) -> int:
        """Slices of these subjects."""
        return sum(self.slices[subject] for subject in subjects)


def extent_of(name: str) -> Extent:
    """What is known, or expected, of a dataset.

    Raises:
        ConfigError: there is no inventory, and nothing is said about how many subjects there are.
        DataError: the inventory is damaged.
    """
    dataset = load_dataset(name)
    subjects = expected_subjects(dataset)
    slices = dict.fromkeys(subjects, slices_of_grid(dataset))
    by_domain = {code: [s for s, of in subjects.items() if of == code] for code in dataset.domains}
    folds = {pair: make_folds(dataset, pair, by_domain) for pair in dataset.pairs}
    return Extent(dataset, subjects, slices, folds, paths.inventory(name).is_file())


def slices_of_grid(dataset: DatasetConfig) -> int:
    """Slices that preparation makes of a subject."""
    if isinstance(dataset.preparation, OCTPreparation):
        return dataset.preparation.b_scans
    from benchmark.preparation.template import slice_grid

    return slice_grid(dataset.preparation).shape[2]

"""The jobs of a benchmark, as the rules in ``workflow/rules`` make them of its config.

``hbench watch`` and ``hbench plan`` need them outside of Snakemake, the latter also before the archives are there. A
test compares this module with what Snakemake plans.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.cells import cells_of, judged
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.splits import any_pair
from benchmark.reporting.files import figure_files, table_files
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell

PRIORITIES = {
    **dict.fromkeys(("fetch", "inventory", "split", "prepare", "collect"), 3),
    "train": 2,
    **dict.fromkeys(("segmentor", "autoencoder"), 1),
}
"""Of the rules, 0 for any other: the longest jobs come first, so that no core is idle beside the last of them."""
ON_GPU = ("train", "segmentor", "autoencoder", "harmonize", "reference", "score")
"""Rules whose jobs take a GPU each, where there is one; harmonizing does with a trained method only."""
TRAININGS = ("train", "segmentor", "autoencoder")
"""Rules that train a network, and log their steps."""
OF_CELL = ("train", "harmonize", "score")
"""Rules whose jobs are of one cell each."""
RULES = (
    "fetch", "inventory", "split", "prepare", "collect", "train", "segmentor", "autoencoder", "harmonize",
    "reference", "score", "gather", "tables", "figures", "page",
)  # fmt: skip
_WHOLE = ("gather", "tables", "figures", "page")  # one job for the whole benchmark
Key = tuple[str, str]


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        name: distinguishes it from the rule's other jobs, in the names of its log and its times.
        makes: files and folders that it leaves, without checksums.
        needs: ``rule`` and ``name`` of the jobs whose outputs it reads.
        dataset: empty for a job of the whole benchmark.
        pair: a scanner pair such as ``GE-PL``; empty where the job is of none.
        fold: None where the job is of none.
        domain: the scanner whose segmentor is trained, else empty.
        cells: what is trained, harmonized, scored or reported.
    """

    rule: str
    name: str
    makes: tuple[Path, ...]
    needs: tuple[Key, ...] = ()
    dataset: str = ""
    pair: str = ""
    fold: int | None = None
    cells: tuple[Cell, ...] = ()
    domain: str = ""

    @property
    def key(self) -> Key:
        return self.rule, self.name

    @property
    def priority(self) -> int:
        return PRIORITIES.get(self.rule, 0)

    @property
    def on_gpu(self) -> bool:
        """Whether it takes a GPU, where there is one."""
        return self.rule in ON_GPU and (self.rule != "harmonize" or ("train", self.name) in self.needs)

    def log(self, benchmark: str) -> Path:
        """What it prints."""
        if self.rule in _WHOLE:
            return paths.LOGS / benchmark / f"{self.rule}.log"
        return paths.LOGS / benchmark / self.rule / f"{self.name}.log"

    def times(self, benchmark: str) -> Path:
        """Snakemake's own record of its time and memory."""
        return paths.LOGS / benchmark / "benchmarks" / self.rule / f"{self.name}.tsv"


def jobs_of(config: BenchmarkConfig, subjects: Mapping[str, Sequence[str]]) -> list[Job]:
    """All jobs of the whole benchmark; a job stands after those that it needs.

    Args:
        subjects: ids of all subjects of each dataset.
    """
    datasets = {name: load_dataset(name) for name in config.datasets}
    jobs = [job for name, dataset in datasets.items() for job in _of_data(name, dataset.pairs, subjects[name])]
    places = list(judged(config))
    cells = [cell for place in places for cell in cells_of(config, *place)]
    trained = [cell for cell in cells if config.cards[cell.method].is_trained_on(datasets[cell.dataset].label_kind)]
    trainings = [_cell_job("train", cell, (cell.model, cell.history, cell.run)) for cell in trained]
    of_training: dict[Cell, tuple[Key, ...]] = {job.cells[0]: (job.key,) for job in trainings}
    harmonized = [
        _cell_job("harmonize", cell, (cell.harmonized, cell.harmonize_run), of_training.get(cell, ())) for cell in cells
    ]
    shared = [_reference(config, *place) for place in places]
    scored = [_scoring(cell, of_training.get(cell, ())) for cell in cells]
    others = [*trainings, *_judges(config, datasets, places), *harmonized, *shared, *scored]
    others += _reported(config, [*trainings, *harmonized], shared, scored)
    # A config may leave pairs of a dataset out.
    wanted = {key for job in others for key in job.needs}
    return [*(job for job in jobs if job.rule != "split" or job.key in wanted), *others]


def _of_data(dataset: str, pairs: Sequence[str], subjects: Sequence[str]) -> Iterator[Job]:
    yield Job("fetch", dataset, (paths.manifest(dataset),), (), dataset)
    yield Job("inventory", dataset, (paths.inventory(dataset),), (("fetch", dataset),), dataset)
    for pair in pairs:
        yield Job(
            "split", f"{dataset}-{pair}", (paths.splits(dataset, pair),), (("inventory", dataset),), dataset, pair
        )
    needs: tuple[Key, ...] = (("fetch", dataset), ("inventory", dataset))
    prepared = [Job("prepare", f"{dataset}-{s}", (paths.subject(dataset, s),), needs, dataset) for s in subjects]
    yield from prepared
    stores = (paths.slices(dataset), paths.truth(dataset))
    yield Job("collect", dataset, stores, tuple(job.key for job in prepared), dataset)


def _slices_and_split(dataset: str, pair: str) -> tuple[Key, ...]:
    return ("collect", dataset), ("split", f"{dataset}-{pair}")


def _cell_job(rule: str, cell: Cell, makes: tuple[Path, ...], needs: tuple[Key, ...] = ()) -> Job:
    needs = (*_slices_and_split(cell.dataset, cell.pair), *needs)
    name = f"{cell.dataset}-{cell.pair}-{cell.fold}-{cell.method}-{cell.seed}"
    return Job(rule, name, makes, needs, cell.dataset, cell.pair, cell.fold, (cell,))


def _scoring(cell: Cell, training: tuple[Key, ...]) -> Job:
    place = f"{cell.dataset}-{cell.pair}-{cell.fold}"
    judges = (("segmentor", f"{cell.dataset}-{cell.target}-{cell.fold}"), ("autoencoder", place))
    harmonization = ("harmonize", f"{place}-{cell.method}-{cell.seed}")
    needs = (harmonization, ("reference", place), *judges, *training)
    return _cell_job("score", cell, (cell.scores, cell.artifacts), needs)


def _judges(
    config: BenchmarkConfig, datasets: Mapping[str, DatasetConfig], places: Sequence[tuple[str, str, int]]
) -> Iterator[Job]:
    domains = dict.fromkeys((dataset, domain, fold) for dataset, pair, fold in places for domain in pair.split("-"))
    for dataset, domain, fold in domains:
        folder = paths.segmentor(config.benchmark, dataset, domain, fold)
        pair = any_pair(datasets[dataset], domain)
        needs = _slices_and_split(dataset, pair)
        name = f"{dataset}-{domain}-{fold}"
        yield Job("segmentor", name, (folder,), needs, dataset, pair, fold, domain=domain)
    for dataset, pair, fold in places:
        folder = paths.autoencoder(config.benchmark, dataset, pair, fold)
        needs = _slices_and_split(dataset, pair)
        yield Job("autoencoder", f"{dataset}-{pair}-{fold}", (folder,), needs, dataset, pair, fold)


def _reference(config: BenchmarkConfig, dataset: str, pair: str, fold: int) -> Job:
    """What all cells of a pair and fold share."""
    place, name = (config.benchmark, dataset, pair, fold), f"{dataset}-{pair}-{fold}"
    segmentors = (("segmentor", f"{dataset}-{domain}-{fold}") for domain in pair.split("-"))
    needs = (*_slices_and_split(dataset, pair), *segmentors, ("autoencoder", name))
    return Job("reference", name, (paths.reference_rows(*place), paths.real_images(*place)), needs, *place[1:])


def _reported(
    config: BenchmarkConfig, made: Sequence[Job], shared: Sequence[Job], scored: Sequence[Job]
) -> Iterator[Job]:
    """What the whole benchmark leaves, from trainings and harmonizations, references, and scores of cells."""
    name = "all"
    cells = tuple(cell for job in scored for cell in job.cells)
    scores = (paths.scores(config.benchmark), paths.leaderboard(config.benchmark))
    yield Job("gather", name, scores, tuple(job.key for job in (*shared, *scored)), cells=cells)
    gathered = ("gather", name)
    inventories = tuple(("inventory", dataset) for dataset in config.datasets)
    files = tuple(file.path for file in table_files(config))
    yield Job("tables", name, files, (gathered, *inventories), cells=cells)
    collected = tuple(("collect", dataset) for dataset in config.datasets)
    divided = tuple(dict.fromkeys(("split", f"{dataset}-{pair}") for dataset, pair, _ in judged(config)))
    needs = (gathered, *collected, *divided, *(job.key for job in (*made, *scored)))
    files = tuple(file.path for file in figure_files(config))
    yield Job("figures", name, files, needs, cells=cells)
    index = (paths.report(config.benchmark) / "index.html",)
    yield Job("page", name, index, (("tables", name), ("figures", name), gathered), cells=cells)

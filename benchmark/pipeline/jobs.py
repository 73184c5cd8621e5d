"""The jobs of a benchmark, as the rules in ``workflow/rules`` make them of its config.

For whoever looks at a run from outside, or plans one that Snakemake cannot plan yet because the archives are not there.
A test compares this module with what Snakemake itself plans.
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
"""Of the rules, any other having 0: what takes long comes first, the longest before the shorter, so that no core is
idle beside the last of them."""
ON_GPU = ("train", "segmentor", "autoencoder", "harmonize_trained", "score")
"""Rules whose jobs take a GPU each, where there is one."""
TRAININGS = ("train", "segmentor", "autoencoder")
"""Rules that train a network, and log their steps."""
RULES = (
    "fetch", "inventory", "split", "prepare", "collect", "train", "segmentor", "autoencoder", "harmonize",
    "harmonize_trained", "score", "gather", "tables", "figures", "page",
)  # fmt: skip
_WHOLE = ("gather", "tables", "figures", "page")  # one job for the whole benchmark
Key = tuple[str, str]


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        rule: whose it is.
        name: what tells it from the rule's other jobs, as in the names of its log and its times.
        makes: files and folders that it leaves.
        needs: ``rule`` and ``name`` of the jobs whose outputs it reads.
        dataset: empty for a job of the whole benchmark.
        pair: a scanner pair such as ``GE-PL``; empty where the job is of none.
        fold: None where the job is of none.
        domain: the scanner whose segmentor is trained, else empty.
        cells: what is trained, harmonized or scored.
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
    trainings = [_training(cell) for cell in trained]
    judges = list(_judges(config, datasets, places))
    scored = [job for place in places for job in _scored(config, *place, trained)]
    others = [*trainings, *judges, *scored, *_reported(config, trainings, scored)]
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
    prepared = [
        Job("prepare", f"{dataset}-{s}", (paths.subject(dataset, s) / "subject.json",), needs, dataset)
        for s in subjects
    ]
    yield from prepared
    stores = (paths.slices(dataset), paths.truth(dataset))
    yield Job("collect", dataset, stores, tuple(job.key for job in prepared), dataset)


def _slices_and_split(dataset: str, pair: str) -> tuple[Key, ...]:
    return ("collect", dataset), ("split", f"{dataset}-{pair}")


def _cell_job(rule: str, cell: Cell, makes: tuple[Path, ...]) -> Job:
    name = f"{cell.dataset}-{cell.pair}-{cell.fold}-{cell.method}-{cell.seed}"
    return Job(
        rule, name, makes, _slices_and_split(cell.dataset, cell.pair), cell.dataset, cell.pair, cell.fold, (cell,)
    )


def _training(cell: Cell) -> Job:
    return _cell_job("train", cell, (cell.model, cell.history, cell.run))


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


def _scored(config: BenchmarkConfig, dataset: str, pair: str, fold: int, trained: Sequence[Cell]) -> Iterator[Job]:
    """What harmonizes and scores the cells of a pair and fold."""
    cells = tuple(cells_of(config, dataset, pair, fold))
    learned = tuple(cell for cell in cells if config.cards[cell.method].kind == "learned")
    place, name = (dataset, pair, fold), f"{dataset}-{pair}-{fold}"
    trainings = tuple(_training(cell).key for cell in learned if cell in trained)
    harmonized = [
        _cell_job("harmonize", cell, (cell.harmonized, cell.harmonize_run)) for cell in cells if cell not in learned
    ]
    if learned:
        makes = tuple(path for cell in learned for path in (cell.harmonized, cell.harmonize_run))
        needs = (*_slices_and_split(dataset, pair), *trainings)
        harmonized.append(Job("harmonize_trained", name, makes, needs, *place, cells=learned))
    yield from harmonized
    segmentors = (("segmentor", f"{dataset}-{domain}-{fold}") for domain in pair.split("-"))
    needs = (*_slices_and_split(dataset, pair), *trainings, *segmentors, ("autoencoder", name))
    makes = (paths.pair_root(config.benchmark, *place) / "reference.csv", *(cell.scores for cell in cells))
    yield Job("score", name, makes, (*(job.key for job in harmonized), *needs), *place, cells=cells)


def _reported(config: BenchmarkConfig, trainings: Sequence[Job], scored: Sequence[Job]) -> Iterator[Job]:
    name = "all"
    cells = tuple(cell for job in scored if job.rule == "score" for cell in job.cells)
    scores = (paths.scores(config.benchmark), paths.leaderboard(config.benchmark))
    yield Job("gather", name, scores, tuple(job.key for job in scored if job.rule == "score"), cells=cells)
    gathered = ("gather", name)
    inventories = tuple(("inventory", dataset) for dataset in config.datasets)
    made = tuple(file.path for file in table_files(config))
    yield Job("tables", name, made, (gathered, *inventories), cells=cells)
    collected = tuple(("collect", dataset) for dataset in config.datasets)
    divided = tuple(dict.fromkeys(("split", f"{dataset}-{pair}") for dataset, pair, _ in judged(config)))
    needs = (gathered, *collected, *divided, *(job.key for job in (*trainings, *scored)))
    made = tuple(file.path for file in figure_files(config))
    yield Job("figures", name, made, needs, cells=cells)
    index = (paths.report(config.benchmark) / "index.html",)
    yield Job("page", name, index, (("tables", name), ("figures", name), gathered), cells=cells)

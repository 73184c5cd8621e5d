"""Paths of data, results and reports, relative to the project root, the working directory of all rules."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The folder of the project."""
CONFIG = Path("config")
DATASET_CONFIG = CONFIG / "datasets"
CLAIMS = CONFIG / "claims.yaml"
RAW = Path("data/raw")
PREPARED = Path("data/prepared")
PRIVATE = Path("data/private")
RESULTS = Path("results")
REPORTS = Path("reports")
LOGS = Path("logs")
REFERENCE = RESULTS / "reference"
UNFINISHED = ".part"
"""Suffix of files from which an interrupted download continues; they are not part of an archive."""


def raw(dataset: str) -> Path:
    """The archive as its owner distributes it; DVC manages it."""
    return RAW / dataset


def manifest(dataset: str) -> Path:
    """Hashes of the last verified archive."""
    return PREPARED / dataset / "manifest.json"


def private(dataset: str) -> Path:
    """Table of pseudonyms; stays on this machine."""
    return PRIVATE / f"{dataset}.json"


def private_manifest(dataset: str) -> Path:
    """The part of the manifest that names the archive's files, if subjects have pseudonyms."""
    return PRIVATE / f"{dataset}.manifest.json"


def inventory(dataset: str) -> Path:
    """Subjects of the archive and their scanners."""
    return PREPARED / dataset / "inventory.json"


def splits(dataset: str, pair: str) -> Path:
    """Training and test subjects of all folds of a scanner pair such as ``GE-PL``."""
    return PREPARED / dataset / "splits" / f"{pair}.json"


def subject(dataset: str, subject_id: str) -> Path:
    """Folder of one prepared subject: ``{image,labels,mask}.nii.gz``, ``truth/``, ``subject.json``."""
    return PREPARED / dataset / "subjects" / subject_id


def slices(dataset: str) -> Path:
    """All prepared slices of a dataset."""
    return PREPARED / dataset / "slices.h5"


def truth(dataset: str) -> Path:
    """Test subjects as the target scanner would image them; only metrics and the oracle's source read it."""
    return PREPARED / dataset / "truth.h5"


def quality(dataset: str) -> Path:
    """Folder of the quality page and of the sheets of all prepared subjects."""
    return REPORTS / "quality" / dataset


@dataclass(frozen=True)
class Cell:
    """One (dataset, source, target, fold, method, seed) of one benchmark."""

    benchmark: str
    dataset: str
    source: str
    target: str
    fold: int
    method: str
    seed: int

    @property
    def pair(self) -> str:
        return f"{self.source}-{self.target}"

    @property
    def root(self) -> Path:
        return pair_root(self.benchmark, self.dataset, self.pair, self.fold) / self.method / f"seed-{self.seed}"

    @property
    def model(self) -> Path:
        """Folder with the trained method (safetensors and JSON)."""
        return self.root / "model"

    @property
    def history(self) -> Path:
        return self.root / "history.csv"

    @property
    def run(self) -> Path:
        """Provenance of the training; only of cells that a job of their own trains."""
        return self.root / "run.json"

    @property
    def harmonize_run(self) -> Path:
        """Provenance of the harmonization, and of the fit of a method that no job of its own trains."""
        return self.root / "harmonize.json"

    @property
    def harmonized(self) -> Path:
        return self.root / "harmonized.h5"

    @property
    def artifacts(self) -> Path:
        """Segmentations and reconstructions for figures."""
        return self.root / "artifacts.h5"

    @property
    def scores(self) -> Path:
        return self.root / "scores.csv"


def resolved(benchmark: str) -> Path:
    """The checked config that the benchmark's last run was started with."""
    return benchmark_root(benchmark) / "config.json"


def benchmark_root(benchmark: str) -> Path:
    return RESULTS / benchmark


def pair_root(benchmark: str, dataset: str, pair: str, fold: int) -> Path:
    return RESULTS / benchmark / "cells" / dataset / pair / f"fold-{fold}"


def reference_rows(benchmark: str, dataset: str, pair: str, fold: int) -> Path:
    """Scores of the real images of each scanner, such as of its segmentor on its test images."""
    return pair_root(benchmark, dataset, pair, fold) / "reference.csv"


def real_images(benchmark: str, dataset: str, pair: str, fold: int) -> Path:
    """Features and segmentations of real images, which all cells of a pair and fold share."""
    return pair_root(benchmark, dataset, pair, fold) / "reference.h5"


def segmentor(benchmark: str, dataset: str, domain: str, fold: int) -> Path:
    """Folder of the post-hoc segmentor of a domain and fold."""
    return RESULTS / benchmark / "judges" / dataset / f"segmentor-{domain}" / f"fold-{fold}"


def autoencoder(benchmark: str, dataset: str, pair: str, fold: int) -> Path:
    """Folder of the multitask autoencoder of a pair and fold."""
    return RESULTS / benchmark / "judges" / dataset / f"autoencoder-{pair}" / f"fold-{fold}"


def checkpoints(benchmark: str, trained: Path) -> Path:
    """Folder of a training's checkpoints: outside of ``trained``, which Snakemake deletes if the training fails."""
    return RESULTS / benchmark / "checkpoints" / trained.relative_to(RESULTS / benchmark)


def scores(benchmark: str) -> Path:
    return RESULTS / benchmark / "scores.csv"


def leaderboard(benchmark: str) -> Path:
    return RESULTS / benchmark / "leaderboard.csv"


def report(benchmark: str) -> Path:
    return REPORTS / benchmark

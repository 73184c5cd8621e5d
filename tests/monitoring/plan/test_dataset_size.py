"""Expected sizes of missing archives match the archives."""

import csv
from collections import Counter
from pathlib import Path

import pytest
import small_benchmark as small

from benchmark.config.load import load_dataset
from benchmark.judges.autoencoder import train_autoencoder
from benchmark.judges.segmentor import train_segmentor
from benchmark.monitoring.plan.dataset_size import DatasetSize, dataset_size, expected_subjects, slices_per_subject
from benchmark.monitoring.plan.work import steps
from benchmark.pipeline.jobs import jobs_of
from benchmark.pipeline.training import train_cell
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import ConfigError

EPOCHS = {"unit": "epochs", "constant": 2, "decay": 1}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("ixi", {"GE": 74, "PL": 167}),
        ("ixi_phantom", {"GE": 14, "PL": 14}),
        ("ixi_phantom_full", {"GE": 74, "PL": 167}),
        ("msseg_phantom_standard", {"SA": 20, "PI": 20, "SV": 20}),
        ("retouch_phantom_tiny", {"CR": 4, "SP": 4}),
        ("oasis_ixi", {"OASIS": 20, "IXIHH": 40}),
    ],
)
def test_expected_subjects_of_a_missing_archive(name, counts):
    assert Counter(expected_subjects(load_dataset(name)).values()) == counts


def test_an_inventory_overrides_expected_subjects():
    write_atomically(paths.inventory("ixi"), '{"subjects": {"IXI1": {"domain": "GE"}, "IXI2": {"domain": "PL"}}}')
    assert expected_subjects(load_dataset("ixi")) == {"IXI1": "GE", "IXI2": "PL"}


def test_a_dataset_without_a_number_of_subjects(project):
    (project / "config").unlink()
    small.lay_out()
    with pytest.raises(ConfigError, match="does not state how many subjects the scanner AA has"):
        dataset_size(small.DATASET)


@pytest.mark.parametrize(("name", "slices"), [("ixi_phantom", 21), ("msseg_phantom", 8), ("retouch_phantom", 9)])
def test_slices_of_a_subject(name, slices):
    """As in the demo."""
    assert slices_per_subject(load_dataset(name)) == slices


def test_folds_are_as_large_as_those_of_the_archive():
    fold = dataset_size("ixi").folds["GE-PL"][0]
    assert (len(fold.train_source), len(fold.test_source), len(fold.train_target)) == (52, 22, 117)
    assert [len(fold.test_source) for fold in dataset_size("msseg").folds["SA-SV"]] == [1] * 5


def last_step(path: Path) -> int:
    with path.open() as file:
        return int(list(csv.DictReader(file))[-1]["step"])


def test_steps_match_real_trainings(project):
    (project / "config").unlink()
    judges = small.benchmark_config().judges.model_dump(mode="json")
    config = small.benchmark_config(
        methods={"cyclegan": {}},
        proposed="cyclegan",
        training={"width": 4, "schedule": EPOCHS},
        judges={
            "autoencoder": {**judges["autoencoder"], "schedule": EPOCHS},
            "segmentor": {**judges["segmentor"], "batch_size": 3, "schedule": EPOCHS},
        },
    )
    small.lay_out()
    domains = {subject: subject[0].upper() * 2 for subject in (*small.TRAINING, *small.TEST)}
    extent = DatasetSize(load_dataset(small.DATASET), domains, small.SHAPE[0], {small.PAIR: [small.FOLD]})
    for job in jobs_of(config, {small.DATASET: list(domains)}):
        if job.rule == "train":
            train_cell(config, job.cells[0])
            assert last_step(job.cells[0].history) == steps(config, job, extent) == 18
        elif job.rule == "segmentor":
            train_segmentor(config, small.DATASET, job.domain, 0)
            assert last_step(job.makes[0] / "history.csv") == steps(config, job, extent)
        elif job.rule == "autoencoder":
            train_autoencoder(config, small.DATASET, small.PAIR, 0)
            assert last_step(job.makes[0] / "history.csv") == steps(config, job, extent)

"""A start from the identity: generators first learn to leave images alone, without a cycle."""

import csv

import numpy as np
import pytest
import small_benchmark as small
import torch
from two_scanners import context, training_set

from benchmark.acceleration import fusion
from benchmark.config.benchmark import TrainingSettings
from benchmark.methods.registry import create
from benchmark.pipeline.training import train_cell
from benchmark.runtime.errors import Interrupted
from benchmark.runtime.paths import Cell
from benchmark.training.checkpoints import Checkpoints

METHODS = {"cyclegan": {}, "s_cyclegan": {}, "semgan": {"semantic_dropout": 0.5}, "segrenorm": {"embedding_dim": 16}}
RATES = {"learning_rate_generators": 2e-3, "learning_rate_discriminators": 1e-3}
SEGMENTED = {"segmentation_real_source", "segmentation_real_target"}
START = {f"{loss}_{domain}" for loss in ("unchanged", "discriminator") for domain in ("source", "target")}


def fit(name, how, **options):
    method = create(name, {**METHODS[name], **options})
    method.fit(training_set(), how)
    return method


@pytest.mark.parametrize("name", METHODS)
def test_first_steps_have_no_cycle_and_all_others_have_one(name, monkeypatch):
    rows, cycles = [], []
    owner = type(create(name, METHODS[name]))
    cycle = owner.cycle
    monkeypatch.setattr(owner, "cycle", lambda self, *given: cycles.append(len(rows)) or cycle(self, *given))
    fit(name, context(5, identity_steps=2, log=lambda step, losses: rows.append(losses)))
    assert [set(row) for row in rows[:2]] == [START | (set() if name == "cyclegan" else SEGMENTED)] * 2
    for row in rows[2:]:
        assert not any(loss.startswith("unchanged") for loss in row)
        assert {"cycle_source", "adversarial_target", "discriminator_source"} <= set(row)
    assert set(cycles) == {2, 3, 4}


@pytest.mark.parametrize("name", ["cyclegan", "segrenorm"])  # the others' generators are CycleGAN's
def test_generators_learn_to_leave_images_alone(name):
    images = training_set().source.images[0]
    inside = images > -1

    def distance(method):
        return np.abs(method.translate(images) - images)[inside].mean()

    short, long = (fit(name, context(n, width=8, identity_steps=n, initial_std=0.05), **RATES) for n in (1, 60))
    assert distance(long) < distance(short)
    assert np.corrcoef(long.translate(images)[inside], images[inside])[0, 1] > 0.9


@pytest.mark.parametrize("name", ["cyclegan", "segrenorm"])
def test_both_directions_at_once_or_one_after_the_other_give_the_same_losses(name, monkeypatch):
    found = []
    for small_enough in (fusion.SMALL, 0):
        monkeypatch.setattr(fusion, "SMALL", small_enough)
        fit(name, context(1, identity_steps=1, log=lambda step, losses: found.append(losses)))
    fused, plain = found
    assert fused.keys() == plain.keys()
    loose = {"rel": 0.05} if name == "segrenorm" else {"rel": 1e-4}  # dropout is drawn in another order
    assert all(fused[loss] == pytest.approx(plain[loss], **loose) for loss in fused)


def test_a_training_that_stopped_around_the_end_of_the_start_ends_with_the_same_bits(tmp_path):
    def train(folder=None, stop=None):
        rows = []

        def log(step, losses):
            rows.append((step, losses))
            if step == stop:
                raise Interrupted("SIGTERM", step, 6)

        where = Checkpoints(folder, {}, every=1) if folder else None
        method = create("segrenorm", METHODS["segrenorm"])
        method.fit(training_set(), context(6, identity_steps=3, log=log, checkpoints=where))
        return rows, [p.detach().clone() for p in method.network.parameters()], where and where.resumed_at

    rows, weights, _ = train()
    for stop in (2, 3, 4):
        with pytest.raises(Interrupted):
            train(tmp_path / str(stop), stop)
        again, same, resumed_at = train(tmp_path / str(stop))
        assert resumed_at == stop - 1
        assert again == rows
        assert all(torch.equal(a, b) for a, b in zip(weights, same, strict=True))


def test_the_history_has_a_column_for_each_loss_and_gaps_where_it_was_not_computed():
    small.lay_out()
    training = small.benchmark_config().training.model_dump() | {"start": "identity", "identity_steps": 3}
    config = small.benchmark_config(methods={"cyclegan": {}}, proposed="cyclegan", training=training)
    cell = Cell("small", small.DATASET, "AA", "BB", 0, "cyclegan", 0)
    train_cell(config, cell)
    rows = list(csv.DictReader(cell.history.open()))
    assert [bool(row["unchanged_source"]) for row in rows] == [True] * 3 + [False] * (len(rows) - 3)
    assert [bool(row["cycle_source"]) for row in rows] == [False] * 3 + [True] * (len(rows) - 3)
    assert all(row["discriminator_source"] for row in rows)


@pytest.mark.parametrize("given", [{"start": "identity"}, {"identity_steps": 5}])
def test_the_start_and_its_length_belong_together(given):
    with pytest.raises(ValueError, match="start: identity needs identity_steps"):
        TrainingSettings(schedule={"unit": "steps", "constant": 5, "decay": 5}, **given)

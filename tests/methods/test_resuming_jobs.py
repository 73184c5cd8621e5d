"""Cells and judges whose training was interrupted, as the rules call them."""

import json
import shutil

import pytest
import small_benchmark as small
from killed_training import Killed, kill

from benchmark.judges.autoencoder import train_autoencoder
from benchmark.judges.segmentor import train_segmentor
from benchmark.pipeline.training import train_cell
from benchmark.runtime import paths
from benchmark.runtime.code_digest import PACKAGES, ROOT, Project
from benchmark.runtime.errors import ModelError
from benchmark.runtime.paths import Cell
from benchmark.training import loop
from benchmark.training.checkpoints import FINISHED, Checkpoints
from benchmark.training.resuming import discard

CELL = Cell("small", small.DATASET, "AA", "BB", 0, "cyclegan", 0)


def five_steps():
    """Training of the cell, with a checkpoint after the third step."""
    training = {"width": 4, "schedule": {"unit": "steps", "constant": 2, "decay": 3}}
    return small.benchmark_config(methods={"cyclegan": {}}, proposed="cyclegan", training=training, checkpoint_every=3)


def test_judges_go_on_too(tmp_path, monkeypatch):
    small.lay_out()
    config = small.benchmark_config(checkpoint_every=3)
    save = Checkpoints.save

    def kill_after_saving(self, snapshot):
        save(self, snapshot)
        if snapshot.step == 6:
            raise Killed

    for folder, start in (
        (paths.segmentor("small", small.DATASET, "AA", 0), lambda: train_segmentor(config, small.DATASET, "AA", 0)),
        (
            paths.autoencoder("small", small.DATASET, small.PAIR, 0),
            lambda: train_autoencoder(config, small.DATASET, small.PAIR, 0),
        ),
    ):
        start()
        expected = small.model_files(folder)
        shutil.rmtree(folder)
        discard("small", folder)
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, "save", kill_after_saving)
            with pytest.raises(Killed):
                start()
        assert not (folder / "run.json").exists()
        start()
        assert small.model_files(folder) == expected
        assert json.loads((folder / "run.json").read_text())["resumed_at_step"] == 6
        assert (paths.checkpoints("small", folder) / FINISHED).exists()


def test_a_cell_says_that_it_went_on_and_counts_all_its_time(monkeypatch):
    small.lay_out()
    config = five_steps()
    train_cell(config, CELL)
    expected = small.model_files(CELL.model), CELL.history.read_text()
    discard("small", CELL.model)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_tell", lambda step, *others: kill() if step == 4 else None)
        with pytest.raises(Killed):
            train_cell(config, CELL)
    left = paths.checkpoints("small", CELL.model)
    assert CELL.root not in left.parents
    state = left / "step-000000003/state.json"
    content = json.loads(state.read_text())
    assert content["seconds"] > 0
    train_cell(config, CELL)
    assert (small.model_files(CELL.model), CELL.history.read_text()) == expected
    record = json.loads(CELL.run.read_text())
    assert record["resumed_at_step"] == 3
    assert record["wall_seconds"] > content["seconds"]


def test_checkpoints_stay_when_a_training_ends():
    """Snakemake deletes outputs that it has not recorded: killed just after the end of a training, it trains again."""
    small.lay_out()
    config = five_steps()
    train_cell(config, CELL)
    expected = small.model_files(CELL.model), CELL.history.read_text()
    shutil.rmtree(CELL.root)
    train_cell(config, CELL)
    assert json.loads(CELL.run.read_text())["resumed_at_step"] == 3
    assert (small.model_files(CELL.model), CELL.history.read_text()) == expected
    # They do not stop a training with other settings, because the one that wrote them has ended.
    other = config.model_copy(update={"methods": {"cyclegan": {"lambda_cyc": 5.0}}})
    train_cell(other, CELL)
    assert "resumed_at_step" not in json.loads(CELL.run.read_text())
    train_cell(config, CELL)
    assert (small.model_files(CELL.model), CELL.history.read_text()) == expected
    discard("small", CELL.model)
    assert not paths.checkpoints("small", CELL.model).exists()


def test_a_cell_with_other_settings_refuses_what_an_interrupted_one_left(monkeypatch):
    small.lay_out()
    config = five_steps()
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_tell", lambda step, *others: kill() if step == 4 else None)
        with pytest.raises(Killed):
            train_cell(config, CELL)
    other = config.model_copy(update={"methods": {"cyclegan": {"lambda_cyc": 5.0}}})
    with pytest.raises(ModelError, match="with other settings"):
        train_cell(other, CELL)
    train_cell(config.model_copy(update={"checkpoint_every": 500}), CELL)  # how often is no part of it


def test_a_training_goes_on_after_a_changed_comment_and_not_after_a_changed_loss(monkeypatch, tmp_path):
    small.lay_out()
    config = five_steps()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / "code" / package)
    monkeypatch.setattr("benchmark.training.resuming.code_digest", lambda *e: Project(tmp_path / "code").digest(*e))
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_tell", lambda step, *others: kill() if step == 4 else None)
        with pytest.raises(Killed):
            train_cell(config, CELL)
    loss = tmp_path / "code/benchmark/methods/objective.py"
    text = loss.read_text()
    assert "0.5 *" in text
    loss.write_text(text.replace("0.5 *", "0.25 *"))
    with pytest.raises(ModelError, match="with other code"):
        train_cell(config, CELL)
    loss.write_text(text.replace("\n\n\n", "\n\n\n# A comment.\n"))
    train_cell(config, CELL)
    assert json.loads(CELL.run.read_text())["resumed_at_step"] == 3

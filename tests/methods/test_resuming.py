"""A training that was stopped or killed ends with the bits of one that was not."""

import errno
import logging
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import small_benchmark as small
import torch
from busy_neighbour import busy_neighbours
from killed_training import METHODS, Killed, kill, train, train_with_a_kill
from two_scanners import context, training_set

from benchmark.data.sampling import CropSampler, stream
from benchmark.judges.segmentor import train_segmentor
from benchmark.methods.registry import create
from benchmark.runtime.errors import Interrupted, ModelError
from benchmark.training import checkpoints as module
from benchmark.training import loop
from benchmark.training.batches import Batches
from benchmark.training.checkpoints import SUMS, TENSORS, Checkpoints
from benchmark.training.schedule import constant_then_linear
from benchmark.training.state import TrainingState

STEPS = 8
IDENTITY = {"config": "a", "code": "b", "slices": "c", "splits": "d"}
VARIANTS = [("semgan", METHODS["semgan"]), ("segrenorm", METHODS["segrenorm"]), ("cyclegan", {"image_pool": 3})]


def checkpoints(folder, every=2, **others):
    return Checkpoints(folder, {**IDENTITY, **others}, every)


def fit(name, options, where=None, stop=None, end=lambda: None):
    """Bytes of the trained model and its history; calls ``end`` when the row of step ``stop`` was logged."""
    rows = []

    def log(step, losses):
        rows.append((step, losses))
        if step == stop:
            end()

    method = create(name, options)
    method.fit(training_set(), replace(context(STEPS, log=log), checkpoints=where))
    return {name: tensor.cpu().numpy().tobytes() for name, tensor in method.network.state_dict().items()}, rows


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a training of CycleGAN gives, and the folder of its checkpoints."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return fit("cyclegan", {}, checkpoints(folder)), folder


@pytest.fixture
def expected(undisturbed):
    return undisturbed[0]


@pytest.fixture
def left(undisturbed, tmp_path):
    """A copy of its checkpoints."""
    return Path(shutil.copytree(undisturbed[1], tmp_path / "left"))


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_killed_twice_the_weights_and_the_history_are_those_of_an_undisturbed_training(name, options, tmp_path):
    expected = fit(name, options)
    for stop in (4, 7):  # after the checkpoint of step 2, or of step 6
        with pytest.raises(Killed):
            fit(name, options, checkpoints(tmp_path / "here"), stop, kill)
    torch.rand(5)
    last = checkpoints(tmp_path / "here")
    assert fit(name, options, last) == expected
    assert last.resumed_at == 6
    assert last.earlier_seconds > 0


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_ends_the_training_after_the_step_with_a_checkpoint(asked, tmp_path):
    before = signal.getsignal(asked)
    with pytest.raises(Interrupted, match=rf"{asked.name}: stopped after step 3 of 8; the same command goes on"):
        fit("cyclegan", {}, checkpoints(tmp_path, every=500), 3, lambda: os.kill(os.getpid(), asked))
    assert signal.getsignal(asked) == before
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000003"]


def test_the_last_two_are_kept(left):
    assert sorted(path.name for path in left.iterdir()) == ["step-000000004", "step-000000006"]


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-10])


@pytest.mark.parametrize(
    ("damage", "file"),
    [(flip_a_bit, TENSORS), (os.unlink, TENSORS), (cut, "state.json"), (flip_a_bit, SUMS), (os.unlink, SUMS)],
)
def test_a_damaged_one_is_reported_and_the_one_before_it_is_used(damage, file, expected, left, caplog):
    damage(left / "step-000000006" / file)
    last = checkpoints(left)
    with caplog.at_level(logging.WARNING):
        assert fit("cyclegan", {}, last) == expected
    assert last.resumed_at == 4
    assert "step-000000006 is damaged" in caplog.text


def test_one_that_cannot_be_read_is_not_taken_for_damaged(expected, left, monkeypatch):

    def refuse(file, name):
        raise PermissionError(errno.EACCES, "Permission denied", file.name)

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.training.checkpoints.hashlib.file_digest", refuse)
        with pytest.raises(PermissionError):
            fit("cyclegan", {}, checkpoints(left))
    last = checkpoints(left)
    assert fit("cyclegan", {}, last) == expected
    assert last.resumed_at == 6


def test_where_all_are_damaged_the_training_begins_anew(expected, left, caplog):
    for path in left.iterdir():
        flip_a_bit(path / TENSORS)
    last = checkpoints(left)
    assert fit("cyclegan", {}, last) == expected
    assert last.resumed_at == 0
    assert caplog.text.count("is damaged") == 2


def test_damaged_ones_do_not_displace_what_comes_after_them(expected, left):
    for path in left.iterdir():
        flip_a_bit(path / TENSORS)
    with pytest.raises(Interrupted, match="after step 1 of 8"):
        fit("cyclegan", {}, checkpoints(left, every=500), 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    last = checkpoints(left)
    assert fit("cyclegan", {}, last) == expected
    assert last.resumed_at == 1


def test_a_checkpoint_from_elsewhere_is_used_with_a_warning(tmp_path, caplog):
    elsewhere, here = {"kernels": "others"}, {"kernels": "ours"}
    with pytest.raises(Killed):
        fit("cyclegan", {}, replace_origin(checkpoints(tmp_path), elsewhere), 5, kill)
    second = replace_origin(checkpoints(tmp_path), here)
    with pytest.raises(Killed):
        fit("cyclegan", {}, second, 7, kill)
    assert "bits may differ from there on" in caplog.text
    third = replace_origin(checkpoints(tmp_path), here)
    fit("cyclegan", {}, third)
    assert third.resumed_at == 6
    assert third.earlier_origins == [elsewhere]


def replace_origin(where, origin):
    where.origin = origin
    return where


def test_a_second_process_is_kept_out(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    with checkpoints(tmp_path / "here").alone():
        message = rf"another process \({os.getpid()}\) is at this training; .* left it behind. Wait .* or end it"
        with pytest.raises(ModelError, match=message), checkpoints(tmp_path / "here").alone():
            pass
    with checkpoints(tmp_path / "here").alone():
        pass


def test_a_judge_that_diverged_can_be_trained_otherwise():
    small.lay_out()

    def train(rate):
        settings = small.benchmark_config().judges.model_dump(mode="json")
        settings["segmentor"]["learning_rate"] = rate
        return train_segmentor(small.benchmark_config(checkpoint_every=1, judges=settings), small.DATASET, "AA", 0)

    with pytest.raises(ModelError, match="Lower its learning rate"):
        train(1e20)
    train(0.01)


@pytest.mark.parametrize("other", IDENTITY)
def test_one_of_another_identity_is_refused(other, left):
    spoken = {"config": "settings", "code": "code", "slices": "prepared slices", "splits": "training subjects"}
    with pytest.raises(ModelError, match=f"is a checkpoint of this training with other {spoken[other]}.* or delete"):
        fit("cyclegan", {}, checkpoints(left, **{other: "another"}))
    assert len(list(left.iterdir())) == 2


def test_a_full_disk_leaves_the_earlier_ones_as_they_were(expected, tmp_path, monkeypatch):

    def full(path, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left") as caught:
        fit("cyclegan", {}, checkpoints(tmp_path), 5, lambda: patch.setattr(Path, "write_bytes", full))
    assert caught.value.filename == str(tmp_path / "step-000000006")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-000000002", "step-000000004"]
    assert fit("cyclegan", {}, checkpoints(tmp_path)) == expected


def test_what_was_torn_by_a_kill_is_removed(left):
    (left / ".step-000000001.77.tmp").mkdir()
    fit("cyclegan", {}, checkpoints(left, every=1))
    assert not list(left.glob(".*"))


def line(where, stop=None, steps=450):
    """Fits a line with noise from every source of randomness; a row of its history averages two steps."""
    network = torch.nn.Linear(1, 1)
    torch.nn.init.ones_(network.weight)
    torch.nn.init.zeros_(network.bias)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01, fused=True)
    sampler, noise = CropSampler(training_set().source, (8, 8), 2, stream("crops")), stream("noise")
    torch.manual_seed(3)
    state = TrainingState(
        torch.device("cpu"),
        network,
        {"line": optimizer},
        {"line": constant_then_linear(optimizer, 200, 250)},
        Batches(sampler.draw, {"crops": sampler}),
        {"noise": noise},
        {},
    )
    taken, rows = [], []

    def step():
        taken.append(1)
        if len(taken) == stop:
            raise Killed
        images = torch.from_numpy(state.batches.next()[0]).mean(dim=(1, 2, 3))[:, None]
        wanted = 2 * images + float(noise.normal()) + torch.randn(1)
        loss = (network(images) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        state.schedules["line"].step()
        return {"square": loss.detach()}

    loop.train(state, steps, step, lambda now, row: rows.append((now, row)), where)
    return network.weight.item(), network.bias.item(), rows


def test_losses_between_two_rows_of_the_history_are_kept(tmp_path):
    expected = line(None)
    assert len(expected[2]) == 225
    with pytest.raises(Killed):
        line(checkpoints(tmp_path, every=33), stop=300)
    where = checkpoints(tmp_path, every=33)
    assert line(where) == expected
    assert where.resumed_at == 297


@pytest.mark.processes
@pytest.mark.parametrize("name", ["semgan", "segrenorm"])  # which have the others' networks too
def test_a_process_that_is_killed_goes_on_with_the_same_command(name, tmp_path):
    undisturbed = train(tmp_path / "undisturbed", name)
    assert train_with_a_kill(tmp_path / "killed", name, step=6) == undisturbed


@pytest.mark.processes
def test_busy_neighbours_change_no_bit(tmp_path):
    alone = train(tmp_path / "alone", "segrenorm")
    with busy_neighbours():
        assert train(tmp_path / "beside", "segrenorm") == alone

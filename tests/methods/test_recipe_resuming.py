"""A training of a small recipe that was killed ends with the bits of one that was not."""

import pytest
import torch
from small_recipe import STEPS, numbers, recipe
from torch import nn

from benchmark.data.sampling import stream
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.device import make_fabric
from benchmark.training.trainer import Term, Trainer


class Killed(Exception):  # noqa: N818
    """An error that no code handles."""


def random_recipe(calls):
    """All that a checkpoint must hold: buffers, both sources of random numbers, two streams and kept tensors."""
    torch.manual_seed(0)
    network = nn.ModuleDict({"first": nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1), nn.Dropout(0.5))})
    network["second"] = nn.Linear(3, 1)
    streams, kept = {name: stream(name) for name in ("noise", "choice")}, {"past": [], "other": [torch.ones(2)]}

    def first(batch):
        noise = torch.full((2, 1), float(streams["noise"].normal()))
        yield [Term("first", 1.0, (network["first"](batch.values) - noise - torch.randn(2, 1)).square().mean())]

    def second(batch):
        past = kept["past"]
        past.append(batch.values)
        shown = past[int(streams["choice"].integers(len(past)))]
        kept["other"][0] += shown.mean()
        yield [Term("second", 1.0, (network["second"](shown) - kept["other"][0].mean()).square().mean())]

    def verify(batch):
        calls.append(batch.number)

    return recipe(network, first=first, second=second, streams=streams, kept=kept, verify=verify)


def run(folder=None, stop=None):
    """All that a training changes, its history, the batches it verified, and the step it went on from."""
    rows, calls = [], []

    def log(step, losses):
        rows.append((step, losses))
        if step == stop:
            raise Killed

    made = random_recipe(calls)
    own = Trainer(made, make_fabric())
    where = Checkpoints(folder, {}, every=2) if folder else None
    own.run(log, where)
    found = [
        *made.network.state_dict().values(),
        *(state[name] for o in own.optimizers.values() for state in o.state.values() for name in sorted(state)),
        *(tensor for tensors in made.kept.values() for tensor in tensors),
        torch.get_rng_state(),
    ]
    states = {name: stream.bit_generator.state for name, stream in made.streams.items()}
    return [tensor.numpy().tobytes() for tensor in found], states, rows, calls, where.resumed_at if where else 0


def test_one_that_goes_on_from_a_checkpoint_has_the_bits_of_an_undisturbed_one(tmp_path):
    *expected, _ = run()
    for stop in (3, 5):  # after the checkpoint of step 2, or of step 4
        with pytest.raises(Killed):
            run(tmp_path / "here", stop)
    torch.rand(5)
    *found, resumed_at = run(tmp_path / "here")
    assert resumed_at == 4
    assert found == expected
    assert found[-1] == numbers(STEPS + 1)[-1:]  # verified once, with the batch after the last


def test_checkpoints_change_nothing(tmp_path):
    *expected, _ = run()
    *found, resumed_at = run(tmp_path / "here")
    assert (found, resumed_at) == (expected, 0)

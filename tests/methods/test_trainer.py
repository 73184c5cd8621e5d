"""What measures the speed of a training takes the steps that it measures."""

import pytest
import torch

from benchmark.acceleration import fusion
from benchmark.data.slices import SliceStore
from studies.trainer import PLAIN, Setup, Trainer, write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "slices.h5"
    write_store(path, 64, 12)
    return path


def test_its_store_has_slices_of_both_scanners(store):
    slices = SliceStore(store)
    assert [(slices.domain(s), slices.image(s).shape) for s in slices.subjects] == [
        ("AA", (12, 64, 64)),
        ("BB", (12, 64, 64)),
    ]


@pytest.mark.parametrize("way", [PLAIN, "32-true", "bf16-mixed"])
def test_a_step_is_taken_and_its_parts_add_up(store, way):
    trainer = Trainer(Setup("segrenorm", way, 32, 2, 4, store))
    parameters = list(trainer.method.networks["source"]["generator"].parameters())
    before = [p.clone() for p in parameters]
    cost = trainer.step_once()
    changed = any(not torch.equal(p, q) for p, q in zip(before, parameters, strict=True))
    assert changed == (way != PLAIN)  # the plain loop trains copies
    assert 0 < cost.data + cost.backward + cost.optimizer <= cost.wall
    assert (cost.backward > 0) == (way != PLAIN)
    assert cost.forward > 0
    assert trainer.precision() == ("32-true" if way == PLAIN else way)


def test_both_ways_have_as_many_operations_but_for_what_needs_fewer(store, monkeypatch):
    monkeypatch.setattr(fusion, "SMALL", 0)  # PyTorch counts those of a grouped convolution's weights twice
    plain, own = (Trainer(Setup("cyclegan", way, 32, 2, 4, store)).flops() for way in (PLAIN, "32-true"))
    assert 0.7 * plain < own < plain

"""Training of the cycle-consistent methods: randomness, order of updates, divergence, precision, and learning."""

import sys

import numpy as np
import pytest
import torch
from two_scanners import DEVICE, SLICES, context, trainer_of, training_set

from benchmark.methods.crops import Crops
from benchmark.methods.cycle import CONSTANT, CycleMethod
from benchmark.methods.options import AdversarialOptions
from benchmark.methods.registry import create
from benchmark.networks.twins import DOMAINS
from benchmark.runtime.errors import Diverged
from benchmark.training import loop
from benchmark.training.trainer import Term

OPTIONS = {"cyclegan": {}, "s_cyclegan": {}, "semgan": {"semantic_dropout": 0.5}, "segrenorm": {"embedding_dim": 16}}
POOLED = {"image_pool": 2}


def fit(name, how, train=None, **options):
    method = create(name, {**OPTIONS[name], **options})
    method.fit(train or training_set(), how)
    return method


def files(method, folder):
    method.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("name", "options"), [("semgan", {}), ("segrenorm", {}), ("cyclegan", POOLED)])
def test_the_same_identity_gives_the_same_bits(name, options, tmp_path):
    torch.manual_seed(1)
    first = files(fit(name, context(2), **options), tmp_path / "first")
    torch.manual_seed(2)
    torch.rand(7)
    second = files(fit(name, context(2), **options), tmp_path / "second")
    assert first == second
    assert len(first) > 1
    other = files(fit(name, context(2, seed=1), **options), tmp_path / "other")
    assert first.keys() == other.keys()
    assert all(first[n] != other[n] for n in first if n.endswith(".safetensors"))


def test_fitting_twice_is_fitting_once(tmp_path):
    method = fit("cyclegan", context(3), **POOLED)
    once = files(method, tmp_path / "once")
    method.fit(training_set(), context(3))
    assert files(method, tmp_path / "twice") == once


def test_leaves_the_global_random_state_alone(tmp_path):
    state, numpy_state = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    fit("segrenorm", context(1)).save(tmp_path / "model")
    create("segrenorm", OPTIONS["segrenorm"]).load(tmp_path / "model")
    assert torch.equal(torch.random.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)


def test_trains_in_a_process_that_translated_first(tmp_path):
    """What layers cache while translating, without gradients, must serve a training."""
    fit("segrenorm", context(1)).save(tmp_path / "model")
    caches = {v for name in list(sys.modules) if name.startswith("benchmark.") for v in vars(sys.modules[name]).values()
              if hasattr(v, "cache_clear")}  # fmt: skip
    assert caches
    for cached in caches:
        cached.cache_clear()
    method = create("segrenorm", OPTIONS["segrenorm"])
    method.load(tmp_path / "model")
    method.translate(np.zeros(SLICES, np.float32))
    method.fit(training_set(), context(1))


def test_all_methods_draw_the_same_crops_and_start_from_the_same_weights(monkeypatch):
    seen = {}

    def note(method, source, target, random):
        seen.setdefault(method.name, []).append((source.images, target.images))
        return source, target

    monkeypatch.setattr(CycleMethod, "augment", note)
    weights = {}
    for name in ("cyclegan", "s_cyclegan", "segrenorm"):
        method = fit(name, context(3))
        method.begin(training_set().task, context(1))
        weights[name] = method.networks["target"]["discriminator"].layers[-1].weight
    reference = seen.pop("cyclegan")
    for crops in seen.values():
        for (a, b), (c, d) in zip(reference[:3], crops[:3], strict=True):  # and what was drawn ahead
            assert torch.equal(a, c)
            assert torch.equal(b, d)
    assert torch.equal(weights["cyclegan"], weights["segrenorm"])


def test_translators_and_discriminators_leave_each_other_alone(monkeypatch):
    train, how = training_set(), context(2)
    method = fit("segrenorm", how)
    trainer = trainer_of(method, train, how)
    groups = {"discriminators": [], "translators": []}
    for domain in DOMAINS:
        for role, network in method.networks[domain].items():
            groups["discriminators" if role == "discriminator" else "translators"] += [
                *network.parameters(), *network.buffers(),
            ]  # fmt: skip
    shown, states = [], []

    def snapshot(*_):
        """Values and gradients of each group."""
        states.append(
            {
                name: [t.detach().clone() for t in (*group, *(t.grad for t in group if t.grad is not None))]
                for name, group in groups.items()
            }
        )

    def show(domain, made, random):
        shown.append(made)
        return made

    def same(name, before, after):
        return all(torch.equal(a, b) for a, b in zip(before[name], after[name], strict=True))

    monkeypatch.setattr(method, "shown_to_discriminator", show)
    trainer.step(trainer.draw())  # every parameter has a gradient from here on
    snapshot()
    trainer.optimizers["translators"].register_step_post_hook(snapshot)
    trainer.step(trainer.draw())
    snapshot()
    begin, between, end = states
    assert same("discriminators", begin, between)
    assert same("translators", between, end)
    assert not same("translators", begin, between)
    assert not same("discriminators", between, end)
    assert len(shown) == 4
    assert not any(made.requires_grad for made in shown)


def test_the_second_pass_of_the_cycle_is_without_dropout():
    method = fit("segrenorm", context(1))
    source, target = (method.networks[domain].train() for domain in DOMAINS)
    images = torch.rand(2, 1, 32, 32, device=DEVICE)
    logits = target["segmentor"](images)
    without = [method.generate(target, images, logits, dropout=False) for _ in range(2)]
    assert torch.equal(*without)
    dropouts = []
    for networks in (source, target):
        networks["extractor"].register_forward_pre_hook(
            lambda module, inputs, options: dropouts.append(options["dropout"]), with_kwargs=True
        )
    method.cycle(source, target, Crops(images, torch.zeros(2, 32, 32, dtype=torch.long)).to(DEVICE))
    assert dropouts == [True, False]


def test_gradients_flow_through_what_conditions_the_way_back():
    method = fit("segrenorm", context(1))
    source, target = (method.networks[domain].train() for domain in DOMAINS)
    method.network.zero_grad()
    crops = Crops(torch.rand(2, 1, 32, 32), torch.zeros(2, 32, 32, dtype=torch.long))
    cycle = method.cycle(source, target, crops.to(DEVICE))
    cycle.reconstructed.sum().backward()
    # The target's segmentor has a say in the reconstruction through the extractor alone.
    for networks in (source, target):
        for role in ("segmentor", "extractor", "generator"):
            assert any(p.grad is not None and p.grad.abs().max() > 0 for p in networks[role].parameters()), role


def test_the_history_has_every_loss_of_both_domains():
    rows = []
    fit("s_cyclegan", context(1, log=lambda step, losses: rows.append((step, losses))))
    losses = ("adversarial", "cycle", "segmentation_real", "segmentation_translated", "discriminator")
    assert [(step, set(row)) for step, row in rows] == [
        (1, {f"{loss}_{domain}" for loss in losses for domain in ("source", "target")})
    ]


def test_parameters_and_files_are_of_the_networks_that_translate(tmp_path):
    method = fit("segrenorm", context(1))
    roles = ("generator", "segmentor", "extractor")
    assert method.parameters == sum(p.numel() for r in roles for p in method.networks["source"][r].parameters())
    names = {f"{domain}_{role}.safetensors" for domain in DOMAINS for role in roles}
    assert set(files(method, tmp_path / "model")) == {"model.json", *names}


class Tame(CycleMethod):
    """A method whose generators are one number each."""

    name, title, reference = "tame", "Tame", "none"

    def make_generator(self, task, width):
        return Scale()


class Scale(torch.nn.Module):
    required_multiple = 1

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(()))

    def forward(self, images):
        return (self.factor * images).clamp(-1, 1)


class Coarse(Tame):
    def make_generator(self, task, width):
        generator = Scale()
        generator.required_multiple = 16
        return generator


def test_padding_for_the_network_moves_nothing():
    method = Coarse(AdversarialOptions(learning_rate_generators=1e-12))
    method.fit(training_set(), context(1))
    images = training_set().source.images[0]
    np.testing.assert_allclose(method.translate(images), images, atol=1e-6)


class Explosive(Tame):
    def terms(self, here, there, crops, cycle):
        return [*super().terms(here, there, crops, cycle), Term("fuse", 1.0, (cycle.translated.sum() * torch.inf))]


class Flat(Tame):
    class Generator(Scale):
        def forward(self, images):
            return torch.full_like(images, 0.25) + 0 * self.factor * images

    def make_generator(self, task, width):
        return self.Generator()


def test_a_loss_that_is_not_finite_is_a_divergence():
    rows = []
    method = Explosive(AdversarialOptions())
    with pytest.raises(Diverged, match=r"fuse_source, fuse_target not finite at step 1 of 5"):
        method.fit(training_set(), context(5, log=lambda step, losses: rows.append(step)))
    assert rows == [1]


def test_a_constant_translation_is_a_divergence():
    with pytest.raises(Diverged, match="from the source are constant"):
        Flat(AdversarialOptions()).fit(training_set(), context(2))


def test_a_translation_that_varies_is_no_divergence():
    method = Tame(AdversarialOptions())
    method.fit(training_set(), context(2))
    images = training_set().source.images[0]
    assert method.translate(images).std() > CONSTANT


def test_a_long_history_has_means_over_a_few_steps(monkeypatch):
    every, few = [], []
    Tame(AdversarialOptions()).fit(training_set(), context(7, log=lambda step, row: every.append(row)))
    monkeypatch.setattr(loop, "HISTORY_ROWS", 2)
    Tame(AdversarialOptions()).fit(training_set(), context(7, log=lambda step, row: few.append((step, row))))
    assert [step for step, _ in few] == [3, 6, 7]
    assert few[0][1] == pytest.approx({name: np.mean([row[name] for row in every[:3]]) for name in every[0]}, rel=1e-5)
    assert few[2][1] == pytest.approx(every[6], rel=1e-5)


def test_learning_rates_are_constant_and_then_fall():
    method, train, how = create("s_cyclegan", {"learning_rate_segmentors": 5e-4}), training_set(), context(4)
    method.fit(train, context(1))
    trainer = trainer_of(method, train, how)
    rates = []
    for _ in range(4):
        rates.append([g["lr"] for o in trainer.optimizers.values() for g in o.param_groups])
        trainer.step(trainer.draw())
    falling = (1, 1, 2 / 3, 1 / 3)
    assert rates == [pytest.approx([f * 2e-4, f * 5e-4, f * 1e-4]) for f in falling]


def test_mixed_precision_trains_in_float32():
    rows = []
    how = context(2, precision="bf16-mixed", log=lambda step, losses: rows.append(losses))
    method = fit("segrenorm", how)
    assert {p.dtype for p in method.network.parameters()} == {torch.float32}
    exact = []
    fit("segrenorm", context(2, log=lambda step, losses: exact.append(losses)))
    assert rows[0] != exact[0]
    assert rows[0] == pytest.approx(exact[0], rel=0.05, abs=0.01)
    assert method.translate(training_set().source.images[0]).dtype == np.float32


def test_paper_blocks_translate_with_running_statistics():
    """Batch normalization must not make a translation depend on what else is in its batch."""
    method = fit("cyclegan", context(4, initial_std=0.2), block="paper")
    images = training_set().source.images[0]
    alone = np.concatenate([method.translate(images[z : z + 1]) for z in range(len(images))])
    np.testing.assert_allclose(alone, method.translate(images), atol=1e-5)


def test_learns_an_easy_shift():
    """Scanners that differ in contrast alone: what can only fall falls (over four seeds, to 0.8 at most)."""
    rows = []
    how = context(50, log=lambda step, losses: rows.append(losses))
    fit("segrenorm", how, learning_rate_generators=3e-3, learning_rate_segmentors=3e-3)
    for loss in ("cycle", "segmentation_real", "segmentation_translated"):
        for domain in ("source", "target"):
            name = f"{loss}_{domain}"
            before, after = (np.mean([row[name] for row in part]) for part in (rows[:5], rows[-5:]))
            assert after < 0.9 * before, name

"""How the trainer executes a recipe, here one with two small networks and two steps."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from small_recipe import BETAS, FACTORS, RATES, SCHEDULE, STEPS, batches, numbers, square, trainer, two_networks
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark.runtime.errors import Diverged
from benchmark.training.device import make_fabric
from benchmark.training.trainer import Recipe, Step, Term, Trainer


def weights(network):
    return [p.detach().clone() for p in network.parameters()]


def gradients(network):
    return [p.grad.clone() for p in network.parameters()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_each_step_is_taken_with_the_weights_that_the_one_before_it_left():
    networks, seen = two_networks(), []

    def note(name):
        def losses(batch):
            seen.append((name, batch.number, weights(networks["first"]), weights(networks["second"])))
            yield from square(networks, name)(batch)

        return losses

    own = trainer(networks, first=note("first"), second=note("second"))
    start = weights(networks["first"]), weights(networks["second"])
    for _ in range(2):
        own.step(own.draw())
    assert [name for name, *_ in seen] == ["first", "second"] * 2
    assert [number for _, number, *_ in seen] == [n for n in numbers(2) for _ in range(2)]
    (_, _, *before), (_, _, *between), (_, _, *after), _ = seen
    assert same(before[0] + before[1], start[0] + start[1])
    assert not same(between[0], start[0])
    assert same(between[1], start[1])
    assert same(after[0], between[0])
    assert not same(after[1], between[1])


def test_a_list_has_its_backward_pass_before_the_next_is_asked_for_and_no_update():
    networks, found = two_networks(), []
    start = weights(networks["first"])

    def losses(batch):
        network = networks["first"]
        found.append([p.grad for p in network.parameters()])
        yield [Term("a", 2.0, network(batch.values).mean())]
        found.append(gradients(network))
        assert same(weights(network), start)
        yield [Term("b", 3.0, network(batch.values).square().mean()), Term("c", 0.5, network.bias.sum())]
        found.append(gradients(network))
        assert same(weights(network), start)

    own = trainer(networks, first=losses)
    own.step(own.draw())
    before, one, both = found
    assert before == [None, None]
    assert not same(one, both)
    assert not same(weights(networks["first"]), start)


def test_gradients_of_lists_add_up_to_that_of_the_weighted_sum_and_begin_anew_in_each_step():
    networks = two_networks()

    def terms(batch):
        made = networks["first"](batch.values)
        return [Term("a", 2.0, made.mean()), Term("b", 3.0, made.square().mean()), Term("c", -0.5, made.max())]

    def losses(batch):
        for each in range(3):
            yield terms(batch)[each : each + 1]

    own = trainer(networks, first=losses)
    for _ in range(2):
        batch = own.draw()
        expected = torch.autograd.grad(
            sum(weight * value for _, weight, value in terms(batch)), list(networks["first"].parameters())
        )
        found = own.step(batch)
        for ours, theirs in zip(gradients(networks["first"]), expected, strict=True):
            torch.testing.assert_close(ours, theirs)
    assert set(found) == {"a", "b", "c", "second"}


def test_losses_are_given_back_before_weighting_and_without_a_graph():
    networks = two_networks()
    own, expected = trainer(networks, first=lambda batch: [[Term("a", 7.0, networks["first"].bias.sum())]]), []
    expected = networks["first"].bias.item()
    losses = own.step(own.draw())
    assert list(losses) == ["a", "second"]
    assert losses["a"].item() == expected
    assert all(loss.shape == () and not loss.requires_grad and loss.grad_fn is None for loss in losses.values())


def test_an_empty_list_of_terms_does_not_end_a_step_unnoticed():
    networks = two_networks()
    own = trainer(networks, first=lambda batch: [[], *square(networks, "first")(batch)])
    with pytest.raises(RuntimeError, match="non-empty"):
        own.step(own.draw())


def test_weights_are_those_of_adam_with_rates_that_are_constant_and_then_fall():
    networks = two_networks()
    expected, drawn, rows = deepcopy(networks), batches(), []
    own = trainer(networks)
    own.run(lambda step, losses: rows.append((step, losses)))
    for name, network in expected.items():
        adam = torch.optim.Adam(network.parameters(), lr=RATES[name], betas=BETAS)
        drawn.restore(batches().state())
        for step, factor in enumerate(FACTORS):
            adam.param_groups[0]["lr"] = factor * RATES[name]
            adam.zero_grad()
            loss = network(drawn.next().values).square().mean()
            loss.backward()
            adam.step()
            assert rows[step][1][name] == pytest.approx(loss.item(), rel=1e-5)
        for ours, theirs in zip(networks[name].parameters(), network.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs)
    assert [step for step, _ in rows] == [1, 2, 3, 4, 5]


def test_groups_of_a_step_have_rates_of_their_own():
    networks = two_networks()
    groups = [{"params": networks[name].parameters(), "lr": rate} for name, rate in RATES.items()]

    def losses(batch):
        return [[Term("both", 1.0, sum(network(batch.values).square().mean() for network in networks.values()))]]

    own = trainer(networks, steps=[Step("both", groups, BETAS, losses)])
    found = []
    for _ in range(STEPS):
        found.append([group["lr"] for group in own.optimizers["both"].param_groups])
        own.step(own.draw())
    assert found == [pytest.approx([factor * rate for rate in RATES.values()]) for factor in FACTORS]


@pytest.mark.parametrize(("precision", "expected"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_only_losses_are_computed_in_the_precision_and_all_that_is_kept_is_float32(precision, expected):
    networks, made, contexts = two_networks(), [], []
    kind = make_fabric().device.type

    def autocast(*_):
        contexts.append(torch.is_autocast_enabled(kind))

    def losses(batch):
        for name in ("a", "b"):
            values = networks["first"](batch.values)
            made.append(values.dtype)
            yield [Term(name, 1.0, values.float().square().mean())]

    def verify(batch):
        autocast()
        made.append(networks["first"](batch.values).dtype)

    def given_back(batch):
        made.append(networks["second"](batch.values).dtype)
        return [[Term("c", 1.0, networks["second"](batch.values).float().square().mean())]]

    own = trainer(networks, first=losses, second=given_back, schedule=(1, 0), verify=verify, precision=precision)
    for optimizer in own.optimizers.values():
        optimizer.register_step_pre_hook(autocast)
    networks["first"].weight.register_hook(autocast)  # in the backward pass
    own.run(lambda step, losses: None)
    assert made == [expected, expected, expected, torch.float32]
    assert contexts == [False] * 5
    assert {p.dtype for p in networks.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in networks.parameters()} == {torch.float32}
    moments = [own.optimizers[name].state[p] for name in RATES for p in networks[name].parameters()]
    assert {moment.dtype for state in moments for moment in state.values()} == {torch.float32}


def test_weights_that_were_rounded_to_bf16_are_rounded_again_after_an_update():
    networks = two_networks()
    outputs = []

    def losses(batch):
        made = networks["first"](batch.values)
        outputs.append(made.detach())
        return [[Term("loss", 1.0, made.float().square().mean())]]

    own = trainer(networks, first=losses, second=losses, precision="bf16-mixed")
    batch = own.draw()
    own.step(batch)
    expected = networks["first"](batch.values)
    assert outputs[1].dtype == torch.bfloat16
    torch.testing.assert_close(outputs[1].float(), expected, rtol=0.02, atol=0.02)
    assert not torch.allclose(outputs[0].float(), expected, rtol=0.02, atol=0.02)


class Casts(TorchDispatchMode):
    """Counts tensors of a shape that are cast to bf16."""

    def __init__(self, shape):
        super().__init__()
        self.shape, self.count = shape, 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        options = options or {}
        if options.get("dtype") is torch.bfloat16 and arguments[0].shape == self.shape:
            self.count += 1
        return function(*arguments, **options)


def test_weights_are_rounded_to_bf16_once_in_an_update_however_many_lists_there_are():
    networks = two_networks()

    def losses(batch):
        for name in ("a", "b", "c"):
            yield [Term(name, 1.0, networks["first"](batch.values).float().square().mean())]

    own = trainer(networks, first=losses, precision="bf16-mixed")
    batch = own.draw()
    with Casts(networks["first"].weight.shape) as casts:
        own.step(batch)
    assert casts.count == 2  # the other network's are as large


def test_the_network_is_accelerated_and_in_training_mode():
    network = nn.ModuleDict({"conv": nn.Conv2d(1, 1, 3, padding=1), "drop": nn.Dropout()}).eval()
    keys = list(network.state_dict())
    step = Step("step", [{"params": network.parameters(), "lr": 0.1}], BETAS, lambda batch: [])
    Trainer(Recipe(network, batches(), [step], SCHEDULE), make_fabric())
    assert network["conv"].training
    assert network["drop"].training
    assert type(network["conv"]) is not nn.Conv2d
    assert list(network.state_dict()) == keys


@pytest.fixture
def checked():
    """Calls of ``verify`` with what it found, and a maker of it."""
    calls = []

    def verifying(networks):
        def verify(batch):
            modes = {module.training for module in networks.modules()}
            calls.append((batch.number, modes, torch.is_inference_mode_enabled()))

        return verify

    return calls, verifying


def test_verify_is_called_once_after_the_last_step_in_evaluation_and_inference_mode_with_the_next_batch(checked):
    calls, verifying = checked
    networks, rows = two_networks(), []

    def log(step, losses):
        rows.append(step)
        assert calls == []

    trainer(networks, verify=verifying(networks)).run(log)
    assert len(rows) == STEPS
    assert calls == [(numbers(STEPS + 1)[-1], {False}, True)]


def test_a_result_that_verify_refuses_is_a_divergence():
    def refuse(batch):
        raise Diverged("useless")

    with pytest.raises(Diverged, match="useless"):
        trainer(two_networks(), verify=refuse).run(lambda step, losses: None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_is_a_divergence_of_which_the_row_is_logged(value, checked):
    calls, verifying = checked
    networks, rows = two_networks(), []

    def losses(batch):
        now = len(rows) + 1
        return [[Term("fuse", 0.0 if now < 3 else 1.0, networks["second"].bias.sum() * (value if now == 3 else 1.0))]]

    own = trainer(networks, second=losses, verify=verifying(networks))
    with pytest.raises(Diverged, match=r"^fuse not finite at step 3 of 5$"):
        own.run(lambda step, row: rows.append((step, row)))
    assert [step for step, _ in rows] == [1, 2, 3]
    assert not np.isfinite(rows[-1][1]["fuse"])
    assert calls == []

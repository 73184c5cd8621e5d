"""Maps that are computed again instead of kept: the same results in less memory."""

import weakref
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from network_reference import images, randomized
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmark.networks.autoencoder import MultitaskAutoencoder

GIB = 2**30


def step(network, batch, is_target):
    """Losses of a training step, whose gradients are left in the network."""
    output = network(batch)
    losses = F.binary_cross_entropy_with_logits(output.domain_logit, is_target), F.l1_loss(output.reconstruction, batch)
    sum(losses).backward()
    return losses


@pytest.mark.parametrize("variant", ["paper", "reference"])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_losses_gradients_and_statistics_are_those_of_an_ordinary_pass_to_the_bit(precision, variant, prepare):
    plain = prepare(randomized(MultitaskAutoencoder(4, variant=variant))).to(precision).train()
    recomputing = deepcopy(plain)
    recomputing.recompute = True
    before = deepcopy(plain.state_dict())
    found = []
    for network in (plain, recomputing):
        torch.manual_seed(0)  # of the classifier's dropout
        losses = [step(network, images(4, 1, 24, 16, seed=n).to(precision), torch.tensor([0, 0, 1, 1.0]).to(precision))
                  for n in range(2)]  # fmt: skip
        gradients = {f"gradient of {name}": parameter.grad for name, parameter in network.named_parameters()}
        found.append(gradients | network.state_dict() | {str(n): loss for n, loss in enumerate(sum(losses, ()))})
    expected, recomputed = found
    assert expected.keys() == recomputed.keys()
    for key, value in expected.items():
        assert torch.equal(recomputed[key], value), key
    statistics = [name for name in before if "running" in name]
    assert statistics
    assert not any(torch.equal(before[name], recomputed[name]) for name in statistics)
    assert {int(value) for name, value in recomputed.items() if name.endswith("num_batches_tracked")} == {2}


class Living(TorchDispatchMode):
    """Counts bytes of tensors that are alive, of the network and of what is made within the block."""

    def __init__(self):
        super().__init__()
        self.known, self.now, self.most = set(), 0, 0

    def count(self, tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in self.known:
            self.known.add(storage._cdata)
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self.forget, storage._cdata, storage.nbytes())

    def forget(self, key, size):
        self.known.remove(key)
        self.now -= size

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self.count(tensor)
        return made


@pytest.mark.parametrize(("side", "ordinary", "recomputing"), [(128, 4.5, 2.0), (256, 17.6, 7.8)])
def test_the_papers_batch_of_64_leaves_most_of_a_gpu_of_24_gb(side, ordinary, recomputing):
    for recompute, expected in ((False, ordinary), (True, recomputing)):
        with torch.device("meta"):
            network = MultitaskAutoencoder(recompute=recompute).train()
            batch, is_target = torch.empty(64, 1, side, side), torch.empty(64)
        with Living() as living:
            for tensor in (*network.parameters(), batch):
                living.count(tensor)
            step(network, batch, is_target)
        assert living.most / GIB == pytest.approx(expected, abs=0.05)

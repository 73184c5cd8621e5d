"""The networks of two domains, and how batches go through them."""

import pytest
import torch
from torch import nn

from benchmark.networks.twins import Twins


def roles():
    return {"generator": nn.Conv2d(1, 1, 3), "discriminator": nn.Conv2d(1, 1, 4)}


@pytest.mark.parametrize("fusible", [True, False])
def test_one_domain_goes_through_after_the_other(fusible):
    source, target = roles(), roles()
    twins = Twins(source, target, fusible=fusible)
    first, second = twins.passes(torch.zeros(2, 1, 8, 8))
    assert (first.domains, second.domains) == (("source",), ("target",))
    for role in source:
        assert first.here[role] is second.there[role] is twins["source"][role] is source[role]
        assert first.there[role] is second.here[role] is twins["target"][role] is target[role]


def test_its_state_is_that_of_both_by_domain_and_role():
    twins = Twins(roles(), roles())
    names = {f"{d}.{r}.{p}" for d in ("source", "target") for r in roles() for p in ("weight", "bias")}
    assert set(twins.state_dict()) == names
    assert not twins.eval()["target"]["generator"].training

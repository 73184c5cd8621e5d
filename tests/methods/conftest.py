import pytest
import torch
from two_scanners import context, training_set

from benchmark.networks import residual_unet

# Networks this small lose time to threads, and a great deal of it where tests run side by side.
torch.set_num_threads(1)


@pytest.fixture
def train():
    return training_set()


@pytest.fixture
def quick():
    """A training of three steps."""
    return context(3)


@pytest.fixture
def double_precision():
    """Rounding in float32 grows so fast from step to step that machines disagree about the third."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def no_dropout_in_unets(monkeypatch):
    """Both directions at once, or a loop of another order, draw its numbers in another order."""
    monkeypatch.setattr(residual_unet, "DROPOUT", 0.0)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

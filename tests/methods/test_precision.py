"""In which precision networks are trained where the config leaves it open."""

import pytest
import torch

from benchmark.config.benchmark import TrainingSettings
from benchmark.runtime import processor
from benchmark.training import device
from benchmark.training.device import precision_here

SCHEDULE = {"unit": "steps", "constant": 1, "decay": 1}


@pytest.fixture
def on(monkeypatch):
    """A processor, or a GPU of some capability."""

    def put(*flags, gpu=None, isa=None):
        monkeypatch.setattr(processor, "_processor_flags", lambda: {"avx2", *flags})
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
        if isa:
            monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
        monkeypatch.setattr(device, "inference_device", lambda: torch.device("cuda" if gpu else "cpu"))
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: gpu)

    return put


@pytest.mark.parametrize(
    ("flags", "more", "expected"),
    [
        (["avx512_bf16"], {}, "bf16-mixed"),
        (["amx_bf16"], {"isa": "AVX512_CORE_AMX"}, "bf16-mixed"),
        (["avx512f"], {}, "32-true"),
        (["avx512_bf16"], {"isa": processor.PORTABLE_KERNELS["ONEDNN_MAX_CPU_ISA"]}, "32-true"),
        (["avx512_bf16"], {"gpu": (7, 5)}, "32-true"),
        ([], {"gpu": (8, 0)}, "bf16-mixed"),
        ([], {"gpu": (9, 0)}, "bf16-mixed"),
    ],
)
def test_auto_is_bf16_where_matrices_are_multiplied_in_it(on, flags, more, expected):
    on(*flags, **more)
    assert precision_here("auto") == expected


@pytest.mark.parametrize("asked", ["32-true", "bf16-mixed"])
def test_a_precision_that_is_asked_for_is_taken(on, asked):
    on()
    assert precision_here(asked) == asked


def test_it_is_left_open_by_default():
    assert TrainingSettings(schedule=SCHEDULE).precision == "auto"

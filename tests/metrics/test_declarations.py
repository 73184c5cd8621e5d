import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from benchmark.config.load import check
from benchmark.metrics.base import Place
from benchmark.metrics.registry import available, create, metric_class, primary, quantities, shown_in
from benchmark.runtime.errors import ConfigError

ROOT = Path(__file__).parents[2]
# As the specification names them.
NAMES = {
    "kid", "fid", "dice", "iou", "gdice", "hd95", "lesion_f1", "volume_error", "sensitivity_mse", "sensitivity_ssim",
    "sensitivity_auc_mse", "sensitivity_auc_ssim", "mae", "psnr", "ssim", "scanner_accuracy", "volume_icc",
    "train_seconds",
}  # fmt: skip


@pytest.mark.parametrize("name", available())
def test_a_metric_declares_what_a_reader_needs(name):
    cls = metric_class(name)
    assert cls.__doc__
    assert cls.quantities
    for quantity in cls.quantities:
        low, high = quantity.bounds
        assert low < high
        assert quantity.title
        assert quantity.reference
        assert quantity.better != "neither" or not quantity.headline
        assert (quantity.better == "nearer") == (not math.isnan(quantity.aim))
        assert bool(quantity.pool) == bool(quantity.pooled_from)
    create(name, {})
    with pytest.raises(ConfigError, match="key 'nonsense' is unknown"):
        check(cls.option_model, {"nonsense": 1}, name)


def test_no_two_metrics_report_the_same_quantity():
    names = Counter(q.name for name in available() for q in metric_class(name).quantities)
    assert not [name for name, count in names.items() if count > 1]
    assert set(names) >= NAMES
    assert set(quantities()) == set(names)


def test_one_quantity_ranks_and_the_papers_tables_have_theirs_in_its_order():
    assert [q.name for q in quantities().values() if q.primary] == [primary().name] == ["dice"]
    assert [q.name for q in shown_in("Table IV")] == ["kid", "fid", "kid_gap_closed"]
    assert [q.name for q in shown_in("Table V")] == ["dice", "iou"]
    assert [q.short for q in shown_in("Table VI")] == [q.short for q in shown_in("Fig. 9a")] == ["MSE", "SSIM"]
    assert {q.shown_in for q in quantities().values()} == set(get_args(Place))


def test_helpers_are_no_metrics():
    assert not {"base", "inputs", "view", "registry", "_similarity", "__init__"} & set(available())


def test_declarations_and_the_leaderboard_wait_for_no_heavy_library():
    heavy = ("torch", "monai", "torch_fidelity", "scipy", "skimage", "sklearn")
    code = (
        "import sys, benchmark.pipeline.leaderboard, benchmark.pipeline.scoring\n"
        "from benchmark.metrics.registry import quantities\n"
        f"quantities(); print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

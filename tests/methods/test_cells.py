"""Cells of a small benchmark, from slices on disk to harmonized slices, history and provenance."""

import csv
import errno
import json
import re

import numpy as np
import pytest
import small_benchmark as small
import torch

from benchmark.data.slices import SliceStore
from benchmark.methods.base import Method
from benchmark.methods.classical import ClassicalMethod
from benchmark.methods.registry import method_class
from benchmark.pipeline import inputs
from benchmark.pipeline.harmonization import harmonize_cell
from benchmark.pipeline.training import train_cell
from benchmark.results.harmonized import read_harmonized
from benchmark.results.provenance import read_fit, read_provenance
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError, Diverged, ModelError, OutOfMemory, UserError
from benchmark.runtime.paths import Cell

METHODS = {
    "identity": {},
    "oracle": {},
    "histogram_matching": {},
    "cyclegan": {},
    "semgan": {},
    "segrenorm": {"embedding_dim": 16},
}


def config(**changes):
    """Trainings take four steps."""
    training = {"width": 4, "schedule": {"unit": "steps", "constant": 2, "decay": 2}}
    return small.benchmark_config(methods=METHODS, proposed="segrenorm", **{"training": training, **changes})


def cell(method):
    return Cell("small", small.DATASET, "AA", "BB", 0, method, 0)


def run(method):
    return json.loads(cell(method).run.read_text())


def harmonization(method):
    return json.loads(cell(method).harmonize_run.read_text())


@pytest.fixture
def laid_out():
    small.lay_out()


@pytest.mark.parametrize("method", ["cyclegan", "segrenorm"])
def test_a_learned_cell_leaves_model_history_provenance_and_images(laid_out, method):
    train_cell(config(), cell(method))
    harmonize_cell(config(), cell(method))

    rows = list(csv.DictReader(cell(method).history.open()))
    assert [int(row["step"]) for row in rows] == list(range(1, 5))
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    assert (run(method)["status"], run(method)["reason"]) == ("ok", "")
    assert run(method)["parameters"] > 0
    assert run(method)["options"]["lambda_cyc"] == 10
    harmonized = read_harmonized(cell(method).harmonized)
    store = SliceStore(paths.slices(small.DATASET))
    assert harmonized.status == "ok"
    assert set(harmonized.images) == set(small.FOLD.test_source)
    assert all(image.shape == store.image(s).shape for s, image in harmonized.images.items())
    assert harmonization(method)["slices"] == 12
    assert read_fit(cell(method)) == run(method)


def test_a_cell_trained_twice_is_the_same_to_the_bit(laid_out):
    outcomes = []
    for _ in range(2):
        train_cell(config(), cell("segrenorm"))
        harmonize_cell(config(), cell("segrenorm"))
        files = [cell("segrenorm").harmonized, cell("segrenorm").history, *sorted(cell("segrenorm").model.iterdir())]
        outcomes.append([path.read_bytes() for path in files])
    assert outcomes[0] == outcomes[1]


def test_trains_on_training_subjects_of_both_scanners_alone(monkeypatch):
    small.lay_out(subjects=small.TRAINING)  # reading any other subject raises
    seen = []
    monkeypatch.setattr(method_class("cyclegan"), "fit", lambda self, train, context: seen.append((train, context)))
    monkeypatch.setattr(method_class("cyclegan"), "save", lambda self, path: path.mkdir(parents=True))
    monkeypatch.setattr(method_class("cyclegan"), "parameters", 0)
    monkeypatch.setattr("benchmark.pipeline.training.precision_here", {"auto": "bf16-mixed"}.get)
    train_cell(config(), cell("cyclegan"))
    train, context = seen[0]
    store = SliceStore(paths.slices(small.DATASET))
    for domain, subjects in ((train.source, small.FOLD.train_source), (train.target, small.FOLD.train_target)):
        for images, labels, subject in zip(domain.images, domain.labels, subjects, strict=True):
            np.testing.assert_array_equal(images, store.image(subject))
            np.testing.assert_array_equal(labels, store.labels(subject))
    assert (train.task.classes, train.task.class_weights, train.task.crop) == (3, (0.2, 0.8, 0.8), (32, 16))
    assert (train.task.batch_size, train.task.slice_shape, train.task.label_kind) == (2, small.SHAPE[1:], "dense")
    assert train.task.spacing == small.SPACING
    assert context.identity == (small.DATASET, "AA-BB", 0, 0)
    assert (context.width, context.precision) == (4, "bf16-mixed")
    assert read_provenance(cell("cyclegan").run)["precision"] == "bf16-mixed"


def test_a_benchmark_can_override_the_crops(laid_out, monkeypatch):
    seen = []
    monkeypatch.setattr(method_class("identity"), "fit", lambda self, train, context: seen.append(train.task))
    use = {small.DATASET: {"training": {"crop": (16, 32), "batch_size": 5}}}
    harmonize_cell(config(datasets=use), cell("identity"))
    assert (seen[0].crop, seen[0].batch_size) == ((16, 32), 5)


def test_controls_and_classical_methods_are_fitted_in_place(laid_out):
    store = SliceStore(paths.slices(small.DATASET))
    for method in ("identity", "histogram_matching"):
        harmonize_cell(config(), cell(method))
        assert harmonization(method)["status"] == "ok"
        assert not cell(method).run.exists()
        fit = read_fit(cell(method))
        assert fit["parameters"] == 0
        assert 0 <= fit["wall_seconds"] < 60 < fit["peak_memory_mib"]
    unchanged, matched = (read_harmonized(cell(m).harmonized).images for m in ("identity", "histogram_matching"))
    for subject in small.FOLD.test_source:
        np.testing.assert_array_equal(unchanged[subject], store.image(subject))
        assert matched[subject].mean() < unchanged[subject].mean()  # scanner B is darker


def test_only_the_oracle_is_handed_the_truth(laid_out, monkeypatch):
    from benchmark.data import truth

    read = []

    def read_truth(path, subject, target):
        read.append((path, subject, target))
        shape = SliceStore(paths.slices(small.DATASET)).image(subject).shape
        return np.full(shape, 0.5, np.float32), np.full(shape, 0.25, np.float32)

    monkeypatch.setattr(truth, "read_truth", read_truth)
    for method in ("identity", "histogram_matching", "cyclegan"):
        if method == "cyclegan":
            train_cell(config(), cell(method))
        harmonize_cell(config(), cell(method))
    assert read == []
    harmonize_cell(config(), cell("oracle"))
    assert read == [(paths.truth(small.DATASET), subject, "BB") for subject in small.FOLD.test_source]
    harmonized = read_harmonized(cell("oracle").harmonized).images
    assert all((image == 0.25).all() for image in harmonized.values())  # the noisy one


@pytest.mark.parametrize(
    ("method", "dataset", "reason"),
    [("oracle", {"phantom": False}, "no truth"), ("semgan", {"label_kind": "sparse"}, "sparse")],
)
def test_what_is_not_applicable_is_skipped_with_its_reason(method, dataset, reason):
    small.lay_out(dataset=dataset)
    harmonize_cell(config(), cell(method))
    harmonized = read_harmonized(cell(method).harmonized)
    assert (harmonized.status, harmonized.images) == ("skipped", {})
    assert reason in harmonized.reason
    assert (harmonization(method)["status"], harmonization(method)["reason"]) == ("skipped", harmonized.reason)


def test_what_is_not_applicable_is_not_trained():
    small.lay_out(dataset={"label_kind": "sparse"})
    with pytest.raises(UserError, match="sparse"):
        train_cell(config(), cell("semgan"))
    assert not cell("semgan").root.exists()


def test_a_subclass_with_a_wrong_network_fails_its_cell(laid_out, monkeypatch):
    class Inverted(method_class("cyclegan")):
        def make_generator(self, task, width):
            return torch.nn.Conv2d(1, 2, 1)

    monkeypatch.setattr(inputs, "create", lambda name, options: Inverted(Inverted.hyperparameters()))
    train_cell(config(), cell("cyclegan"))
    assert run("cyclegan")["status"] == "failed"
    assert run("cyclegan")["reason"].startswith("RuntimeError: ")


def test_a_divergence_is_an_outcome_with_its_reason(laid_out, monkeypatch):
    def fit(self, train, context):
        context.log(1, {"cycle_source": float("nan")})
        raise Diverged("cycle_source not finite at step 1 of 4")

    monkeypatch.setattr(method_class("cyclegan"), "fit", fit)
    train_cell(config(), cell("cyclegan"))
    assert (run("cyclegan")["status"], run("cyclegan")["reason"]) == (
        "failed",
        "cycle_source not finite at step 1 of 4",
    )
    assert cell("cyclegan").history.read_text() == "step,cycle_source\n1,nan\n"
    with pytest.raises(ModelError, match="not finite at step 1"):
        method_class("cyclegan")(method_class("cyclegan").hyperparameters()).load(cell("cyclegan").model)
    harmonize_cell(config(), cell("cyclegan"))
    harmonized = read_harmonized(cell("cyclegan").harmonized)
    assert (harmonized.status, harmonized.reason) == ("failed", "cycle_source not finite at step 1 of 4")


def test_a_bug_is_no_outcome(laid_out, monkeypatch):
    def broken(*arguments):
        raise ZeroDivisionError

    monkeypatch.setattr("benchmark.pipeline.training.precision_here", broken)
    with pytest.raises(ZeroDivisionError):
        train_cell(config(), cell("cyclegan"))
    assert not cell("cyclegan").root.exists()


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (ZeroDivisionError("by\n nothing"), "ZeroDivisionError: by nothing"),
        (KeyError("a"), "KeyError: 'a'"),
        (AssertionError(), "AssertionError"),
        (SystemExit(3), "SystemExit: 3"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "FileNotFoundError: [Errno 2] No such file"),
        (FileExistsError(errno.EEXIST, "File exists", "/mine"), "FileExistsError: [Errno 17] File exists: '/mine'"),
    ],
)
def test_what_is_raised_while_a_method_works_fails_its_cell(laid_out, monkeypatch, raised, reason):
    def fit(self, train, context):
        raise raised

    monkeypatch.setattr(method_class("cyclegan"), "fit", fit)
    train_cell(config(), cell("cyclegan"))
    harmonize_cell(config(), cell("cyclegan"))
    assert (run("cyclegan")["status"], run("cyclegan")["reason"]) == ("failed", reason)
    assert read_harmonized(cell("cyclegan").harmonized).reason == reason
    monkeypatch.setattr(method_class("identity"), "fit", fit)
    harmonize_cell(config(), cell("identity"))
    assert (harmonization("identity")["status"], harmonization("identity")["reason"]) == ("failed", reason)


@pytest.mark.parametrize(
    ("raised", "kept"),
    [
        (DataError("slices", "hold no foreground", "Check them"), DataError),
        (OSError(errno.ENOSPC, "No space left on device"), OSError),
        (OSError(errno.ENOSPC, "No space left on device", "/mine"), OSError),
        (PermissionError(errno.EACCES, "Permission denied", "results/small/checkpoints"), PermissionError),
        (MemoryError(), OutOfMemory),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_the_user_or_the_machine_caused_is_not_blamed_on_the_method(laid_out, monkeypatch, raised, kept):
    def fit(self, train, context):
        raise raised

    monkeypatch.setattr(method_class("cyclegan"), "fit", fit)
    with pytest.raises(kept):
        train_cell(config(), cell("cyclegan"))
    assert not cell("cyclegan").root.exists()


def test_a_failure_in_another_process_is_written_down(laid_out):
    train_cell(config(), cell("cyclegan"), "crashed (SIGSEGV)")
    assert (run("cyclegan")["status"], run("cyclegan")["reason"]) == ("failed", "crashed (SIGSEGV)")
    assert cell("cyclegan").history.read_text() == "step\n"
    with pytest.raises(ModelError, match="its training failed: crashed"):
        method_class("cyclegan")(method_class("cyclegan").hyperparameters()).load(cell("cyclegan").model)
    for method in ("cyclegan", "identity"):
        harmonize_cell(config(), cell(method), "crashed (SIGABRT)")
        harmonized = read_harmonized(cell(method).harmonized)
        assert (harmonized.status, harmonized.reason, harmonized.images) == ("failed", "crashed (SIGABRT)", {})


class Wrong(ClassicalMethod):
    name, title, reference, kind = "wrong", "Wrong", "none", "classical"
    result: np.ndarray

    def harmonize(self, images):
        return self.result


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (np.zeros((1, 2, 3), np.float32), "shape"),
        (np.full(small.SHAPE, np.nan, np.float32), "not finite"),
        (np.full(small.SHAPE, 1.5, np.float32), "outside"),
        (None, "shape"),
        ("nothing", "no array"),
    ],
)
def test_a_method_that_breaks_its_contract_fails(laid_out, monkeypatch, result, fault):
    def wrong(name, options) -> Method:
        method = Wrong(Wrong.hyperparameters())
        method.result = result
        return method

    monkeypatch.setattr(inputs, "create", wrong)
    harmonize_cell(config(), cell("identity"))
    harmonized = read_harmonized(cell("identity").harmonized)
    assert (harmonized.status, harmonized.images) == ("failed", {})
    assert re.fullmatch(rf"translate\(\) gave .*{fault}.* \(subject a3\)", harmonized.reason)
    assert (harmonization("identity")["status"], harmonization("identity")["reason"]) == ("failed", harmonized.reason)


def test_a_missing_or_damaged_training_is_named(laid_out):
    with pytest.raises(DataError, match=r"run\.json: is missing"):
        harmonize_cell(config(), cell("cyclegan"))
    cell("cyclegan").root.mkdir(parents=True)
    cell("cyclegan").run.write_text("{")
    with pytest.raises(DataError, match=r"run\.json: is damaged"):
        harmonize_cell(config(), cell("cyclegan"))
    record = {"status": "ok", "reason": "", "wall_seconds": 1.0, "peak_memory_mib": 1.0}
    cell("cyclegan").run.write_text(json.dumps(record))
    with pytest.raises(ModelError, match="holds no trained model"):
        harmonize_cell(config(), cell("cyclegan"))


def test_missing_slices_are_named(laid_out):
    paths.slices(small.DATASET).unlink()
    with pytest.raises(DataError, match=r"slices\.h5"):
        train_cell(config(), cell("cyclegan"))

from dataclasses import replace

import numpy as np
import pytest
import small_benchmark as small
import torch
from small_cells import METHODS, harmonize, make_view

from benchmark.config.base import Strict
from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore
from benchmark.data.splits import write_splits
from benchmark.data.truth import TruthSlices, write_truth
from benchmark.judges.features import AutoencoderFeatures, extract, load_extractor
from benchmark.judges.segmentor import Segmentor, load_segmentor
from benchmark.methods.base import Direction
from benchmark.metrics.base import Metric, Quantity
from benchmark.metrics.kid import kid
from benchmark.metrics.overlap import confusion, dice
from benchmark.metrics.registry import metric_class
from benchmark.metrics.view import CellView
from benchmark.pipeline.real_images import judge_real_images
from benchmark.pipeline.scoring import check_declared, score_cell, score_external
from benchmark.results import scores
from benchmark.results.artifacts import read_artifact
from benchmark.results.harmonized import Harmonized
from benchmark.results.real_images import features_of, write_real_images
from benchmark.results.scores import Score
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError
from benchmark.runtime.paths import Cell

ALL_BUT_TRUTH: dict[str, dict] = {
    "kid": {}, "fid": {}, "overlap": {}, "gap_recovered": {}, "lesions": {}, "sensitivity": {}, "scanner": {},
    "preservation": {}, "cost": {},
}  # fmt: skip


def config(**changes):
    return small.benchmark_config(**{"metrics": ALL_BUT_TRUTH, **changes})


def table(method="echo", seed=0):
    return scores.read(Cell("small", small.DATASET, "AA", "BB", 0, method, seed).scores)


def one(frame, metric, **where):
    for column, value in where.items():
        frame = frame[frame[column] == value]
    (row,) = frame[frame["metric"] == metric].to_dict("records")
    return row


PLACE = ("small", small.DATASET, small.PAIR, 0)


def reference():
    return scores.read(paths.reference_rows(*PLACE))


def score(settings, *methods, **how):
    judge_real_images(settings, *PLACE[1:])
    for method in methods:
        harmonize(method, config=settings, **how)
        for seed in settings.seeds:
            score_cell(settings, Cell("small", small.DATASET, "AA", "BB", 0, method, seed))


def test_each_quantity_of_each_metric_has_a_row(judged):
    score(config(), "echo")
    frame = table()
    expected = {q.name for name in ALL_BUT_TRUTH for q in metric_class(name).quantities}
    assert set(frame["metric"]) == expected
    assert (frame["reason"] != "").equals(frame["status"] != "ok")
    assert set(frame.loc[frame["metric"] == "dice", "subject"]) == set(small.FOLD.test_source)
    assert one(frame, "train_seconds")["value"] == 12.5
    assert one(frame, "images_per_second")["value"] == 24
    assert (one(frame, "peak_memory")["value"], one(frame, "parameters")["value"]) == (300, 7)


def test_without_harmonization_no_gap_is_closed_and_none_recovered(judged):
    score(config(), "echo")
    frame = table()
    assert one(frame, "kid")["value"] == one(frame, "kid_before")["value"]
    assert one(frame, "kid_gap_closed")["value"] == 0
    assert one(frame, "scanner_accuracy")["value"] == one(frame, "scanner_accuracy_before")["value"]
    for row in frame[(frame["metric"] == "gap_recovered") & (frame["status"] == "ok")].to_dict("records"):
        assert row["value"] == 0
    cross = frame[(frame["metric"] == "dice_cross") & (frame["status"] == "ok")]
    harmonized = frame[(frame["metric"] == "dice") & (frame["status"] == "ok")]
    assert len(cross)
    assert cross["value"].tolist() == harmonized["value"].tolist()


def test_kid_subsets_are_at_most_as_large_as_the_smaller_set(judged):
    score(config(metrics={"kid": {"subset_size": 6}}), "echo")
    assert one(table(), "kid_subset_size")["value"] == 6
    score(config(metrics={"kid": {"subset_size": 1000}}), "echo")
    assert one(table(), "kid_subset_size")["value"] == 8  # slices of two target subjects


def test_the_floor_of_kid_is_scored_once_of_two_halves_of_the_target(judged):
    score(config(), "echo")
    (floor,) = reference()[lambda found: found["metric"] == "kid"].to_dict("records")
    assert (floor["method"], floor["subject"]) == ("target_on_target", "all")
    half, rest = make_view(config=config()).pair.target_halves()
    assert floor["value"] == pytest.approx(kid(torch.cat(half), torch.cat(rest), 1, 4, 0)[0])
    assert one(table(), "kid_unfit")["value"] == (one(table(), "kid_before")["value"] <= floor["value"])


def test_where_one_subject_of_the_target_is_tested_the_floor_is_of_training_subjects(judged):
    write_splits(
        paths.splits(small.DATASET, small.PAIR),
        load_dataset(small.DATASET),
        small.PAIR,
        [replace(small.FOLD, test_target=("b4",))],
    )
    score(config(), "echo")
    pair, store = make_view(config=config()).pair, SliceStore(paths.slices(small.DATASET))
    extractor = load_extractor(paths.autoencoder(*PLACE))
    one, other = pair.target_halves()
    assert [len(half) for half in (one, other)] == [2, 1]
    assert torch.equal(other[0], extract(extractor, store.image(small.FOLD.train_target[1])))
    assert reference()[lambda found: found["metric"] == "kid"]["status"].tolist() == ["ok"]


def test_fid_says_why_there_is_none(judged):
    score(config(), "echo")
    assert "biased" in one(table(), "fid")["reason"]
    small.lay_out(dataset={"fid": True})
    score(config(), "echo")
    assert (
        one(table(), "fid")["reason"] == "FID needs more test slices of each scanner than the 64 features; there are 8"
    )


def test_dice_is_that_of_the_target_segmentor_on_the_harmonized_images(judged):
    score(config(), "echo", change=lambda image: image * 0.5)
    store = SliceStore(paths.slices(small.DATASET))
    segmentor = load_segmentor(paths.segmentor("small", small.DATASET, "BB", 0))
    for subject in small.FOLD.test_source:
        prediction = segmentor.predict(store.image(subject) * np.float32(0.5))
        expected = dice(confusion(prediction, store.labels(subject), 3))
        assert one(table(), "dice", subject=subject, label="core")["value"] == pytest.approx(expected[1])
        kept, _ = read_artifact(
            Cell("small", small.DATASET, "AA", "BB", 0, "echo", 0).artifacts, f"predictions/{subject}"
        )
        assert kept.dtype == np.uint8
        assert np.array_equal(kept, prediction)


def test_reference_rows_are_each_segmentor_on_test_images_of_its_own_domain(judged):
    score(config(), "echo")
    store = SliceStore(paths.slices(small.DATASET))
    frame = reference()
    assert set(frame.loc[frame["method"] == "target_on_target", "metric"]) - {"kid", "kid_std"} == {
        "dice",
        "iou",
        "gdice",
        "lesion_f1",
        "lesion_f1_any_overlap",
        "volume_error",
        "lesions_invented",
        "lesions_lost",
    }
    for method, domain, subjects in (
        ("source_on_source", "AA", small.FOLD.test_source),
        ("target_on_target", "BB", small.FOLD.test_target),
    ):
        rows = frame[frame["method"] == method]
        assert set(rows["subject"]) - {"all"} == set(subjects)
        segmentor = load_segmentor(paths.segmentor("small", small.DATASET, domain, 0))
        expected = dice(confusion(segmentor.predict(store.image(subjects[0])), store.labels(subjects[0]), 3))
        assert one(rows, "dice", subject=subjects[0], label="core")["value"] == pytest.approx(expected[1])


def test_truth_is_read_for_the_pairs_target(judged):
    store = SliceStore(paths.slices(small.DATASET))
    images = {s: np.array(store.image(s)) for s in small.FOLD.test_source}
    write_truth(
        paths.truth(small.DATASET),
        [TruthSlices(s, t, image * f, image) for s, image in images.items() for t, f in (("BB", 0.5), ("CC", 0.9))],
    )
    score(config(metrics={"truth": {}}), "echo")
    for subject, image in images.items():
        expected = np.abs(image * 0.5)[store.mask(subject) > 0].mean()
        assert one(table(), "mae", subject=subject)["value"] == pytest.approx(expected, rel=1e-5)
    paths.truth(small.DATASET).unlink()
    with pytest.raises(DataError, match=r"truth.h5: is missing"):
        score(config(metrics={"truth": {}}), "echo")


@pytest.mark.parametrize("status", ["failed", "skipped"])
def test_a_cell_without_images_has_a_row_with_the_reason_for_every_quantity(judged, status):
    score(config(), "echo", outcome=Harmonized({}, status, "it came to nothing"))
    frame = table()
    assert set(frame["metric"]) == {q.name for name in ALL_BUT_TRUTH for q in metric_class(name).quantities}
    assert set(frame["status"]) == {status}
    assert set(frame["reason"]) == {"it came to nothing"}
    assert read_artifact(Cell("small", small.DATASET, "AA", "BB", 0, "echo", 0).artifacts, "predictions/a3") is None


def test_each_method_and_seed_is_scored_and_one_way_methods_have_no_sensitivity(judged):
    settings = config(methods={"echo": {}, "one_way": {}}, seeds=(0, 3))
    score(settings, "echo", "one_way")
    for seed in (0, 3):
        assert (table("echo", seed)["seed"] == seed).all()
    row = one(table("one_way", 0), "sensitivity_auc_mse")
    assert (row["status"], row["reason"]) == ("skipped", "the method does not translate from target to source")


def test_scoring_twice_gives_the_same_bytes(judged):
    cell = Cell("small", small.DATASET, "AA", "BB", 0, "echo", 0)
    score(config(), "echo")
    files = (cell.scores, cell.artifacts, paths.reference_rows(*PLACE), paths.real_images(*PLACE))
    first = [path.read_bytes() for path in files]
    score(config(), "echo")
    assert [path.read_bytes() for path in files] == first


def test_external_images_are_scored_by_the_same_code(judged):
    settings = config()
    score(settings, "echo")
    store = SliceStore(paths.slices(small.DATASET))
    theirs = Harmonized({s: np.array(store.image(s)) for s in small.FOLD.test_source})
    frame = score_external(settings, small.DATASET, small.PAIR, 0, "theirs", theirs)
    ours = table()
    assert set(frame["metric"]) == set(ours["metric"])
    assert (frame["method"] == "theirs").all()
    for metric in ("kid", "dice", "gap_recovered", "scanner_accuracy", "volume_after"):
        mine, other = (f[f["metric"] == metric].sort_values(["subject", "label"])["value"] for f in (ours, frame))
        assert np.allclose(mine.to_numpy(), other.to_numpy(), equal_nan=True)
    assert one(frame, "sensitivity_auc_mse")["status"] == "skipped"
    assert one(frame, "train_seconds")["reason"] == "nothing is known of a training that was not ours"


def test_images_of_other_subjects_or_shapes_are_refused(judged):
    settings, image = config(), np.zeros(small.SHAPE, np.float32)
    arguments = (settings, small.DATASET, small.PAIR, 0, "theirs")
    with pytest.raises(DataError, match=r"are of the subjects a3.*Harmonize exactly the test subjects a3, a4, a5"):
        score_external(*arguments, Harmonized({"a3": image}))
    images = dict.fromkeys(small.FOLD.test_source, image)
    with pytest.raises(DataError, match=r"subject a4: have the shape \(2, 36, 28\). Harmonize the prepared slices"):
        score_external(*arguments, Harmonized({**images, "a4": image[:2]}))


def test_shapes_and_counts_are_known_without_reading_a_slice(view, monkeypatch):
    def read(store, subject):
        pytest.fail(f"{subject} was read")

    monkeypatch.setattr(SliceStore, "image", read)
    assert (view.pair.slice_count("source"), view.pair.slice_count("target")) == (12, 8)
    CellView(view.pair, view.cell, view.images)


class Declared(Metric):
    name = "declared"
    quantities = (Quantity("length", "Length", "mm", "lower", (0, 10), "none"),)

    def compute(self, view):
        pytest.fail("rows are checked without computing any")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ([], "gave no row of length"),
        ([Score("length", 11, "mm")], r"is 11, outside \[0, 10\]"),
        ([Score("length", 1, "cm")], "does not declare length in the unit 'cm'"),
        ([Score("length", 1, "mm"), Score("width", 1)], "does not declare width"),
    ],
)
def test_a_metric_is_held_to_what_it_declares(rows, fault):
    with pytest.raises(ValueError, match=fault):
        check_declared(Declared(Strict()), rows)


def test_a_metric_may_say_what_it_declares():
    check_declared(
        Declared(Strict()), [Score("length", 10 + 1e-12, "mm"), scores.missing("length", "skipped", "x", unit="mm")]
    )


def test_segmentations_and_features_of_real_images_are_computed_once_for_all_cells(judged, monkeypatch):
    predicted, extracted = [], []
    predict, forward = Segmentor.predict, AutoencoderFeatures.forward
    monkeypatch.setattr(Segmentor, "predict", lambda self, images: predicted.append(1) or predict(self, images))
    monkeypatch.setattr(
        AutoencoderFeatures, "forward", lambda self, images: extracted.append(1) or forward(self, images)
    )
    score(config(methods={"echo": {}, "one_way": {}}), "echo", "one_way")
    assert len(predicted) == 2 * (3 + 2) + 2 * 3  # real ones by both segmentors, harmonized ones by the target's
    assert len(extracted) == 3 + 2 + 2 * 3


def test_what_the_judges_make_of_real_images_is_kept_to_the_last_bit(judged):
    score(config(), "echo")
    store, pair = SliceStore(paths.slices(small.DATASET)), make_view(config=config()).pair
    extractor = load_extractor(paths.autoencoder(*PLACE))
    for side, subjects in (("source", small.FOLD.test_source), ("target", small.FOLD.test_target)):
        features = pair.features(side)
        assert list(features) == list(subjects)
        for subject in subjects:
            assert torch.equal(features[subject], extract(extractor, store.image(subject)))
        for segmentor, domain in (("source", "AA"), ("target", "BB")):
            judge = load_segmentor(paths.segmentor("small", small.DATASET, domain, 0))
            for found in pair.segmentations(segmentor, side):
                assert np.array_equal(found.prediction, judge.predict(store.image(found.subject)))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b"no HDF5"), "cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:2000]), "cannot be read"),
        (lambda path: write_real_images(path, [(features_of("target"), "b4", np.zeros((4, 2)))]), "is of other test"),
    ],
)
def test_missing_or_damaged_judgements_of_real_images_are_named(judged, damage, said):
    score(config(), "echo")
    damage(paths.real_images(*PLACE))
    with pytest.raises(DataError, match=rf"reference\.h5: {said}.*snakemake with the target"):
        make_view(config=config()).pair.features("target")


class Broken(METHODS["echo"]):
    """Translates backward as a test says."""

    name, title = "broken", "Broken"

    def translate(self, images, direction=Direction.FORWARD):
        return np.full_like(images, np.nan)


def test_a_method_that_fails_to_translate_back_lacks_those_numbers_alone(judged, monkeypatch):
    monkeypatch.setitem(METHODS, "broken", Broken)
    score(config(methods={"echo": {}, "broken": {}}), "echo", "broken")
    failed = table("broken")[lambda found: found["status"] == "failed"]
    assert set(failed["metric"]) == {q.name for q in metric_class("sensitivity").quantities}
    assert set(failed["reason"]) == {"translate() gave values that are not finite"}
    others = table("broken")[lambda found: found["status"] != "failed"]
    expected = table("echo")[lambda found: found["metric"].isin(others["metric"])]
    assert others["value"].tolist() == pytest.approx(expected["value"].tolist(), nan_ok=True)


def test_a_failure_in_another_process_leaves_no_number(judged):
    score(config(), "echo")
    cell = Cell("small", small.DATASET, "AA", "BB", 0, "echo", 0)
    score_cell(config(), cell, "crashed (SIGSEGV)")
    assert set(table()["status"]) == {"failed"}
    assert set(table()["reason"]) == {"crashed (SIGSEGV)"}

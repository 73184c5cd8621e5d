import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from benchmark.config.load import load_dataset
from benchmark.data.slices import SliceStore, SubjectSlices, write_slices
from benchmark.metrics import sensitivity
from benchmark.reporting import figure_results, figure_training, figures, stores, style
from benchmark.reporting.files import figure_items
from benchmark.reporting.results import Results
from benchmark.runtime import paths

KEYS = [
    "figure-1", "figure-6-msseg", "figure-7-retouch", "figure-8-ixi_phantom", "figure-9a",
    "figure-9b-msseg-SA-SV", "figure-9b-msseg-SA-PI", "figure-9b-retouch-CR-SP", "figure-9b-ixi_phantom-GE-PL",
    "figure-s1-msseg", "figure-s1-retouch", "figure-s1-ixi_phantom",
]  # fmt: skip


@pytest.fixture
def draw(results, cache):
    """Draws a figure and lays it out, each once."""

    def draw_once(key):
        if key not in cache:
            item = next(i for i in figure_items(results.config) if i.key == key)
            with style.styled():
                cache[key] = figures.draw(results, item)
                cache[key].draw_without_rendering()
                cache[key].set_layout_engine("none")
        return cache[key]

    return draw_once


def texts(made) -> list[Text]:
    return [t for t in made.findobj(Text) if t.get_visible() and t.get_text().strip()]


def shown_texts(made) -> str:
    return "\n".join(t.get_text() for t in texts(made))


@pytest.mark.parametrize("key", KEYS)
def test_no_text_is_clipped_or_illegibly_small(draw, key):
    made = draw(key)
    width, height = made.get_size_inches()
    # Ticks are made when they are asked for, in the style of that moment.
    with style.styled():
        drawn = made.get_tightbbox()
    assert drawn.x0 >= -0.01
    assert drawn.y0 >= -0.01
    assert drawn.x1 <= width + 0.01
    assert drawn.y1 <= height + 0.01
    assert width == pytest.approx(style.WIDTH)
    assert min(text.get_fontsize() for text in texts(made)) >= 4.5
    for axes in made.axes:
        for text in axes.texts:
            box, panel = text.get_window_extent(), axes.get_window_extent().padded(1)
            assert panel.contains(box.x0, box.y0), text.get_text()
            assert panel.contains(box.x1, box.y1), text.get_text()


@pytest.mark.parametrize("key", ["figure-1", "figure-6-msseg", "figure-9b-retouch-CR-SP"])
def test_slices_are_upright_on_the_whole_grey_scale(draw, key):
    images = [image for axes in draw(key).axes for image in axes.images if image.get_array().ndim == 2]
    assert images
    for image in images:
        assert image.get_clim() == (-1, 1)
        assert image.origin == "upper"
        bottom, top = image.axes.get_ylim()
        assert bottom > top, "row 0 must be on top"
    assert "[−1, 1]" in shown_texts(draw(key))


def test_all_listed_figures_are_looked_at(results):
    assert [item.key for item in figure_items(results.config)] == KEYS


def test_the_slice_is_chosen_by_the_reference_alone(results, draw):
    store = SliceStore(paths.slices("msseg"))
    pair = results.pair("msseg", "SA-SV")
    subject = stores.first_fold(pair).test_source[0]
    assert subject == "SA00"
    shown = stores.fullest(store, subject)
    counts = [(labels > 0).sum() for labels in store.labels(subject)]
    assert counts[shown.index] == max(counts)
    assert shown.index == counts.index(max(counts))
    made = draw("figure-6-msseg")
    first = made.axes[0].images[0].get_array()
    np.testing.assert_array_equal(first, store.image(subject)[shown.index])
    assert f"SA00, slice {shown.index}" in shown_texts(made)


def test_without_labels_the_largest_cross_section_is_shown(tmp_path):
    labels = np.zeros((3, 16, 16), np.uint8)
    mask = labels.copy()
    mask[0, :2], mask[1, :9], mask[2, :9] = 1, 1, 1
    image = np.full(labels.shape, -1, np.float32)
    write_slices(tmp_path / "s.h5", [SubjectSlices("x", "A", image, labels, mask, (1, 1, 1))])
    assert stores.fullest(SliceStore(tmp_path / "s.h5"), "x").index == 1


def test_failed_and_skipped_cells_are_empty_panels_with_the_reason(draw):
    text = " ".join(shown_texts(draw("figure-6-msseg")).split())
    assert text.count("skipped: sparse lesions") == 4
    assert text.count("failed: loss is not finite") == 2
    again = " ".join(shown_texts(draw("figure-9b-msseg-SA-PI")).split())
    assert again.count("failed: loss is not finite") == 6
    assert again.count("skipped: sparse lesions") == 6


def test_all_reconstructions_are_of_the_same_slice(results, draw):
    store = SliceStore(paths.slices("msseg"))
    middle = store.image("SA00")[sensitivity.shown_slice(len(store.image("SA00")))]
    panels = iter(draw("figure-9b-msseg-SA-SV").axes)
    rows = {}
    for method in ("cyclegan", "semgan", "segrenorm"):
        row = [next(panels) for _ in range(2 + len(sensitivity.SHOWN_SIGMAS))]
        rows[method] = [axes.images[0].get_array() for axes in row if axes.images]
    assert not rows.pop("semgan"), "a method that was skipped has no image, not even an input"
    for images in rows.values():
        np.testing.assert_array_equal(images[0], middle)
        np.testing.assert_allclose(images[2], middle, atol=1e-6)


def test_overlay_marks_every_error_in_its_colour():
    image = np.full((2, 3), -1, np.float32)
    reference = np.array([[1, 1, 0], [2, 2, 0]], np.uint8)
    prediction = np.array([[1, 0, 1], [2, 1, 0]], np.uint8)
    found = figure_results.overlay(image, prediction, reference)
    expected = [
        [style.CLASS_COLOURS[0], style.FALSE_NEGATIVE, style.FALSE_POSITIVE],
        [style.CLASS_COLOURS[1], style.CONFUSED, "black"],
    ]
    np.testing.assert_allclose(found, [[to_rgb(c) for c in row] for row in expected])


def test_annotations_are_dice_and_generalized_dice_of_the_slice(config):
    reference = np.array([[1, 1, 1, 0]], np.uint8)
    assert figure_results.annotation(np.array([[1, 0, 0, 1]], np.uint8), reference, load_dataset("msseg")) == "DC 0.40"
    several = np.array([[1, 2, 3, 0]], np.uint8)
    wrong = np.array([[1, 2, 2, 0]], np.uint8)
    assert figure_results.annotation(wrong, several, load_dataset("retouch")) == "GDC 0.67"
    nothing = np.zeros((1, 4), np.uint8)
    assert figure_results.annotation(nothing, nothing, load_dataset("msseg")) == "DC undefined"


def test_sensitivity_curves_are_means_over_subjects(results, draw):
    made = draw("figure-9a")
    rows = results.table
    rows = rows[
        rows["target"].eq("SV")
        & rows["metric"].eq("sensitivity_mse")
        & rows["method"].eq("segrenorm")
        & rows["status"].eq("ok")
    ]
    expected = rows.assign(sigma=rows["label"].astype(float)).groupby("sigma")["value"].mean()
    proposed = [
        line for line in made.axes[0].lines if line.get_color() == style.VERMILLION and len(line.get_xdata()) > 1
    ]
    assert len(proposed) == 1
    np.testing.assert_allclose(proposed[0].get_xdata(), expected.index)
    np.testing.assert_allclose(proposed[0].get_ydata(), expected)
    ends = rows[rows["label"].eq("0.5")]["value"]
    bands = [band.get_paths()[0].vertices for band in made.axes[0].collections]
    last = [band[np.isclose(band[:, 0], 0.5), 1] for band in bands]
    assert any(np.isclose([y.min(), y.max()], [ends.min(), ends.max()]).all() for y in last)
    noted = "Without a curve (reasons: Table VI): No harmonization, Histogram matching, SemGAN (on MS-SEG)"
    assert noted in shown_texts(made)


def test_without_the_sensitivity_metric_there_is_no_curve_to_draw(results):
    without = Results(results.config, results.table[~results.table["metric"].str.startswith("sensitivity")])
    item = next(i for i in figure_items(results.config) if i.key == "figure-9a")
    with style.styled():
        made = figures.draw(without, item)
    assert shown_texts(made).replace("\n", " ").count("no method has a curve") == 2 * len(results.pairs)


def test_training_curves_tell_losses_and_domains_apart(draw):
    made = draw("figure-s1-retouch")
    assert [axes.get_title() for axes in made.axes] == ["adversarial", "cycle", "discriminator", "segmentation real"]
    assert len(made.axes[0].lines) == 3 * 2
    assert len(made.axes[3].lines) == 2 * 2


def test_training_curves_are_running_means_of_means_over_folds_and_seeds():
    steps = np.arange(1, 61)
    flat = pd.DataFrame({"method": "a", "domain": "source", "step": steps, "value": 2.0 + (-1.0) ** steps})
    other = flat.assign(value=4.0 + (-1.0) ** steps)
    found = figure_training.smooth(pd.concat([flat, other, flat.assign(method="b", value=7.0)]))
    assert len(found) == 2 * len(steps)
    a = found[found["method"].eq("a")]
    inner = a[a["step"].between(2, 59)]["value"]
    np.testing.assert_allclose(inner, 3, atol=1 / 3 + 1e-9)
    assert (found[found["method"].eq("b")]["value"] == 7).all()


def test_short_trainings_are_shown_as_they_are():
    steps = np.arange(1, 11)
    data = pd.DataFrame({"method": "a", "domain": "source", "step": steps, "value": steps % 2})
    np.testing.assert_array_equal(figure_training.smooth(data)["value"], steps % 2)


def test_proposed_method_stands_out_without_colour():
    names = list("abcdefg")
    dashes, colours = style.dashes(names, "c"), style.colours(names, "c")
    assert [name for name in names if dashes[name] == ()] == ["c"]
    assert len(set(colours.values())) == len(names)


def test_equal_figures_are_equal_files(results, tmp_path):
    item = next(i for i in figure_items(results.config) if i.key == "figure-9b-ixi_phantom-GE-PL")
    for name in ("one", "two"):
        with style.styled():
            made = figures.draw(results, item)
            style.save(made, [tmp_path / f"{name}.{ending}" for ending in ("pdf", "png")])
    for ending in ("pdf", "png"):
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_a_number_and_its_unit_stay_on_one_line():
    assert style.wrap("Siemens Aera 1.5 T (SA)", 16).splitlines() == ["Siemens Aera", "1.5\N{NO-BREAK SPACE}T (SA)"]

"""Sheets show brains upright, with outlines in their colours, and are small."""

import matplotlib.colors
import numpy as np
import pytest
from PIL import Image
from prepared_balls import CLEAN

from benchmark.config.load import load_dataset
from benchmark.reporting import style
from benchmark.reporting.quality.sheet import AXIAL, B_SCANS, LABEL_COLOURS, MASK_COLOUR, draw_sheet, save_sheet
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError


def drawn(notes=()):
    with style.styled():
        return draw_sheet(load_dataset("balls"), "AA", paths.subject("balls", "AA1"), list(notes))


def shown(axes) -> np.ndarray:
    return np.asarray(axes.images[0].get_array())


def colours(axes) -> set[str]:
    return {matplotlib.colors.to_hex(c).upper() for lines in axes.collections for c in lines.get_edgecolor()}


def test_slices_are_spread_over_the_brain_plain_and_outlined(prepared):
    prepared({"AA1": CLEAN})
    made = drawn()
    assert len(made.axes) == 2 * (AXIAL + 2)
    plain, outlined = made.axes[: AXIAL + 2], made.axes[AXIAL + 2 :]
    assert all(not axes.collections for axes in plain)
    assert all(MASK_COLOUR in colours(axes) for axes in outlined)
    assert any(colours(axes) == {MASK_COLOUR, LABEL_COLOURS[0]} for axes in outlined)
    for above, below in zip(plain, outlined, strict=True):
        np.testing.assert_array_equal(shown(above), shown(below))
    titles = [axes.texts[0].get_text() for axes in plain]
    numbers = [int(title.split()[1]) for title in titles[:AXIAL]]
    assert numbers == sorted(numbers)
    assert titles[AXIAL:] == ["coronal", "sagittal"]


def test_brains_are_upright(prepared):
    """What is missing is right, front and up: upper right in the highest axial slice and in the coronal one."""
    prepared({"AA1": CLEAN})
    axes = drawn().axes
    for panel in (axes[AXIAL - 1], axes[AXIAL]):
        brain = shown(panel) > 0
        middle, centre = (n // 2 for n in brain.shape)
        upper_right, others = brain[:middle, centre:], (brain[:middle, :centre], brain[middle:, centre:])
        assert all(upper_right.sum() < 0.7 * other.sum() for other in others)
    sagittal = shown(axes[AXIAL + 1])
    assert sagittal.shape[0] < sagittal.shape[1]  # 12 slices high, 48 rows long


def test_b_scans_are_shown_as_they_are(prepared):
    prepared({"AA1": {}}, kind="oct")
    axes = drawn().axes
    assert len(axes) == 2 * B_SCANS
    assert all(shown(panel).shape == (48, 40) for panel in axes)


def test_title_and_notes_are_on_the_sheet(prepared):
    prepared({"AA1": CLEAN})
    texts = [text.get_text() for text in drawn(["tiny mask", "noisy"]).texts]
    assert texts == ["Balls <of> wool: AA1, Scanner A (AA)", "tiny mask\nnoisy"]
    assert drawn().texts[1].get_text() == "nothing is flagged"


def test_a_sheet_is_small_and_twice_the_same(prepared, tmp_path):
    prepared({"AA1": CLEAN})
    for name in ("one.webp", "two.webp"):
        save_sheet(drawn(), tmp_path / name)
    content = (tmp_path / "one.webp").read_bytes()
    assert content == (tmp_path / "two.webp").read_bytes()
    assert len(content) < 150_000
    assert Image.open(tmp_path / "one.webp").size[0] == 1200


def test_a_missing_volume_is_one_message(prepared):
    prepared({"AA1": CLEAN})
    (paths.subject("balls", "AA1") / "mask.nii.gz").unlink()
    with pytest.raises(DataError, match=r"mask.nii.gz: is missing"):
        drawn()

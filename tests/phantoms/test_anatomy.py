"""Brains: invertible deformations, shares that add up, lesions where lesions belong."""

import numpy as np
import pytest
from scipy import ndimage

from benchmark.phantoms import anatomy, lesions, template
from benchmark.phantoms.anatomy import EXTENT, Person
from benchmark.phantoms.fields import SmoothField, grid_positions
from benchmark.phantoms.streams import Stream
from benchmark.runtime.errors import DataError

SPACING = 2.4
GRID = anatomy.Grid(SPACING)


@pytest.fixture(scope="module")
def person():
    return Person.random(Stream("test", "person"))


@pytest.fixture(scope="module")
def brain(person):
    return anatomy.build(person, GRID)


@pytest.fixture(scope="module")
def drawn(person, brain):
    return lesions.draw(person, brain, Stream("test", "lesions"), {})


def determinant(person: Person, step: float) -> np.ndarray:
    axes = [grid_positions(round(extent / step), step) for extent in EXTENT]
    points = np.stack(person.to_template(*axes))
    gradient = np.stack([np.stack(np.gradient(p, step)) for p in points])
    return np.linalg.det(np.moveaxis(gradient, (0, 1), (-2, -1)))


@pytest.mark.parametrize("number", range(4))
def test_no_deformation_folds(number):
    values = determinant(Person.random(Stream("test", number)), 5.0)
    assert values.min() > 0.1
    assert values.max() < 3.0
    assert values.std() > 0.02, "a person is more than an affine map of the template"


def test_the_worst_coefficients_do_not_fold():
    """Coefficients at their limits, against each other from node to node: the bound of Choi and Lee."""
    levels = []
    for spacing, _, limit in anatomy._DEFORMATION:
        signs = [SmoothField.random(Stream("sign", axis), EXTENT, (spacing,) * 3, 1e9, limit) for axis in range(3)]
        for axis, field in enumerate(signs):
            index = np.indices(field.lattice.shape)[axis]
            field.lattice[:] = np.where(index % 2 == 0, limit, -limit)
        levels.append(tuple(signs))
    calm = Person.random(Stream("test"))
    worst = Person(np.eye(3).tolist(), (0.0, 0.0, 0.0), tuple(levels), calm.fluid, calm.variation)
    assert determinant(worst, 4.0).min() > 0.0


def test_a_rotation_is_a_rotation():
    turn = np.array(anatomy.rotation((0.02, -0.05, 0.03)))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    np.testing.assert_allclose(turn, [[1, -0.03, -0.05], [0.03, 1, -0.02], [0.05, 0.02, 1]], atol=2e-3)


def test_shares_add_up(brain):
    total = brain.white + brain.grey + brain.fluid
    np.testing.assert_allclose(total, brain.inside, atol=1e-5)
    assert min(brain.white.min(), brain.grey.min(), brain.fluid.min()) >= 0.0
    assert brain.inside.max() == 1.0


def test_volumes_are_those_of_adults(brain):
    """ml; Allen et al. and others give 400 to 800 for white and 500 to 1200 for grey matter, cerebellum with it."""
    volumes = {name: getattr(brain, name).sum() * SPACING**3 / 1000 for name in ("inside", "white", "grey", "fluid")}
    assert 1500 < volumes["inside"] < 2500
    assert 450 < volumes["white"] < 900
    assert 700 < volumes["grey"] < 1400
    assert 150 < volumes["fluid"] < 600


def test_brains_lie_within_the_box(brain):
    for axis in range(3):
        ends = np.take(brain.inside, [0, -1], axis=axis)
        assert ends.max() == 0.0


def test_two_people_differ(brain):
    other = anatomy.build(Person.random(Stream("test", "other person")), GRID)
    both = (brain.white > 0.5) & (other.white > 0.5)
    assert 2 * both.sum() / ((brain.white > 0.5).sum() + (other.white > 0.5).sum()) < 0.8


def test_lesions_lie_in_white_matter_at_every_site(person, brain, drawn):
    extent, severity = drawn
    inside = extent > 0.5
    assert ndimage.label(inside)[1] > 8
    assert (brain.white + brain.grey)[inside].min() > 0.5
    assert brain.white[inside].mean() > 0.75
    assert 1.0 < inside.sum() * SPACING**3 / 1000 < 50.0, "ml"
    maps = template.lesion_maps()
    points = [np.concatenate([block[2][axis] for block in person.blocks(GRID)])[inside] for axis in range(3)]
    ventricle, cortex = (template.sample(m, tuple(points)) for m in (maps.ventricle, maps.cortex))
    assert (ventricle < 6).any()
    assert ((cortex < 4) & (ventricle > 12)).any()
    assert ((cortex > 4.5) & (ventricle > 10)).any()
    assert points[2].min() > -25, "not in the brain stem"
    graded = severity[inside] / extent[inside]
    assert graded.min() >= 0.54
    assert graded.max() <= 1.0


def test_a_wrong_template_is_refused(monkeypatch, tmp_path):
    folder = template._folder()
    name = template._FILE.format("gm")
    (tmp_path / name).write_bytes((folder / template._FILE.format("wm")).read_bytes())
    monkeypatch.setattr(template, "_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"is not the phantoms' template.* requirements\.lock"):
        template._read.__wrapped__("gm")

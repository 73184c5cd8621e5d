import pytest

from benchmark.methods import registry
from benchmark.reporting import names


@pytest.mark.parametrize("name", registry.available())
def test_cards_read_off_the_source_say_what_the_classes_say(name):
    found, cls = names.method_card(name), registry.method_class(name)
    assert (found.title, found.reference, found.kind) == (cls.title, " ".join(cls.reference.split()), cls.kind)


def test_kind_is_inherited_through_an_import(tmp_path, monkeypatch):
    (tmp_path / "base.py").write_text('class Base:\n    kind = "learned"\n    title = "of the base"\n')
    folder = tmp_path / "methods"
    folder.mkdir()
    body = 'class Mine(Base):\n    name = "mine"\n    title = "Mine"\n    reference: str = "me"\n'
    (folder / "mine.py").write_text("from base import Base\n\n\n" + body)
    monkeypatch.setattr(names, "FOLDER", folder)
    monkeypatch.setattr(names, "ROOT", tmp_path)
    assert names.method_card("mine") == names.MethodCard("mine", "Mine", "me", "learned")


def test_what_is_no_literal_is_refused(tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text('class Odd:\n    name = "odd"\n    title = "O" + "dd"\n    reference = "x"\n')
    monkeypatch.setattr(names, "FOLDER", tmp_path)
    with pytest.raises(TypeError, match="kind, title must be string literals"):
        names.method_card("odd")


def test_the_proposed_method_is_marked_once():
    assert names.marked("Renormalized", "a", "a") == "Renormalized, proposed"
    assert names.marked("Proposed", "a", "a") == "Proposed"
    assert names.marked("Other", "b", "a") == "Other"


def test_external_images_are_shown_under_their_own_name(config):
    cards = names.method_cards(config, {"theirs", "source_on_source", "cyclegan"})
    assert [c.name for c in cards] == [*config.methods, "theirs"]
    assert cards[-1].kind == "external"

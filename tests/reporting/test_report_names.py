from benchmark.reporting import names


def test_the_proposed_method_is_marked_once():
    assert names.marked("Renormalized", "a", "a") == "Renormalized, proposed"
    assert names.marked("Proposed", "a", "a") == "Proposed"
    assert names.marked("Other", "b", "a") == "Other"


def test_external_images_are_shown_under_their_own_name(config):
    cards = names.method_cards(config, {"theirs", "source_on_source", "cyclegan"})
    assert [c.name for c in cards] == [*config.methods, "theirs"]
    assert (cards[-1].title, cards[-1].kind) == ("theirs", "external")

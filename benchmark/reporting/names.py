"""What methods are called in reports."""

from benchmark.config.benchmark import EXTERNAL, BenchmarkConfig, MethodCard
from benchmark.results.scores import REFERENCES

CONTROL, LEARNED = "control", "learned"


def method_card(config: BenchmarkConfig, name: str) -> MethodCard:
    """The card of a method; one that the config does not name is an external submission and its own title."""
    return config.cards.get(name) or MethodCard(name=name, title=name, kind=EXTERNAL)


def marked(title: str, name: str, proposed: str) -> str:
    """A method's title; the one that the benchmark proposes is marked as such, as in the paper."""
    return f"{title}, proposed" if name == proposed and "proposed" not in title.casefold() else title


def method_cards(config: BenchmarkConfig, scored: set[str]) -> list[MethodCard]:
    """All methods of a benchmark: the config's, in its order, then external ones that were scored.

    Args:
        scored: values of the ``method`` column of the scores.
    """
    others = sorted(scored - set(config.methods) - set(REFERENCES))
    return [method_card(config, name) for name in (*config.methods, *others)]

"""Table IX: a verdict on each claim of the paper."""

import math
from itertools import product

import pandas as pd

from benchmark.config.claims import Claim, Claims
from benchmark.config.load import load_claims, suggestion
from benchmark.metrics.base import Quantity
from benchmark.metrics.registry import quantities
from benchmark.reporting import captions, published
from benchmark.reporting.files import Item
from benchmark.reporting.model import MISSING, Block, Entry, Row, Table, interval, signed, significant
from benchmark.reporting.names import method_card
from benchmark.reporting.published import imitated
from benchmark.reporting.results import Results
from benchmark.reporting.scope import Pair
from benchmark.runtime import paths
from benchmark.runtime.errors import ConfigError
from benchmark.statistics.verdicts import Compared, Verdict, favour, verdicts

HEADS = ("difference", "published", "difference of", "verdict", "why")
WORDS = 3
"""The last columns, which hold words."""


def claims(results: Results, item: Item) -> Table:
    """A block for each pair, a row for each claim or class."""
    file = load_claims()
    blocks, records = [], []
    for pair in results.pairs:
        rows = []
        for claim in file.claims:
            if claim.families and pair.dataset.family not in claim.families:
                continue
            quantity = _quantity(claim)
            for verdict in verdicts(claim, quantity, results.aggregate, pair.dataset, pair.key, results.config):
                paper = _published(claim, quantity, pair, verdict.label)
                rows.append(_row(results, claim, verdict, paper))
                records.append(_record(pair, claim, verdict, paper))
        blocks.append(Block(f"{pair.dataset.title}, {pair.title}", HEADS, tuple(rows), words=WORDS))
    return Table(item, captions.paragraphs(item.kind), tuple(blocks), pd.DataFrame(records), _remarks(results, file))


def _quantity(claim: Claim) -> Quantity:
    known = quantities()
    if claim.quantity not in known:
        fault = f"claim '{claim.title}': no metric reports '{claim.quantity}'{suggestion(claim.quantity, list(known))}"
        raise ConfigError(paths.CLAIMS, fault, "Correct it")
    return known[claim.quantity]


def _published(claim: Claim, quantity: Quantity, pair: Pair, label: str) -> tuple[float, str] | None:
    """The difference of printed numbers that is least in favour of the claim, and as the paper would print it."""
    found = []
    for each in product(claim.methods, claim.than):
        one, other = (imitated(pair, quantity.name, method, label) for method in each)
        if one and other:
            difference = round(one.value - other.value, max(one.decimals, other.decimals))
            found.append((difference, signed(difference, max(one.decimals, other.decimals))))
    return min(found, key=lambda each: favour(claim, quantity, each[0]), default=None)


def _row(results: Results, claim: Claim, verdict: Verdict, paper: tuple[float, str] | None) -> Row:
    title = ", ".join(filter(None, [claim.title, verdict.label]))
    answer = Entry(verdict.answer.replace(" ", "\u00a0"), bold=verdict.answer in ("supported", "contradicted"))
    return Row(
        title,
        (
            _difference(verdict.shown) if verdict.shown else Entry(MISSING),
            Entry(paper[1] if paper else MISSING),
            Entry(_of(results, claim, verdict.shown) if verdict.shown else MISSING),
            answer,
            Entry(verdict.why),
        ),
    )


def _difference(shown: Compared) -> Entry:
    if shown.counts:
        own, theirs = shown.counts
        ends = (interval(each.interval.low, each.interval.high) for each in shown.counts)
        return Entry(f"{own.found}/{own.total} and {theirs.found}/{theirs.total}", aside=" and ".join(ends))
    found = shown.difference.interval
    text = significant(found.mean)
    doubtful = bool(shown.difference.note)
    return Entry(text if text.startswith("−") else f"+{text}", aside=interval(found.low, found.high, doubtful))


def _of(results: Results, claim: Claim, shown: Compared) -> str:
    titles = (method_card(results.config, name).title for name in (shown.method, shown.other))
    level = f", σ = {shown.label}" if shown.label and not claim.each_class else ""
    return " − ".join(titles) + level


def _record(pair: Pair, claim: Claim, verdict: Verdict, paper: tuple[float, str] | None) -> dict[str, object]:
    shown = verdict.shown
    own, theirs = (shown.counts if shown else None) or (None, None)
    ends = shown.difference.interval if shown else None
    return {
        "dataset": pair.dataset.name,
        "source": pair.source,
        "target": pair.target,
        "claim": claim.title,
        "metric": claim.quantity,
        "label": verdict.label,
        "claimed": claim.claimed,
        "verdict": verdict.answer,
        "why": verdict.why,
        "method": shown.method if shown else "",
        "other": shown.other if shown else "",
        "shown_label": shown.label if shown else "",
        "difference": ends.mean if ends else math.nan,
        "low": ends.low if ends else math.nan,
        "high": ends.high if ends else math.nan,
        "p": shown.difference.p if shown else math.nan,
        "trainings": f"{own.found}/{own.total}" if own else "",
        "trainings_other": f"{theirs.found}/{theirs.total}" if theirs else "",
        "published": paper[0] if paper else math.nan,
        "source_in_paper": claim.source,
    }


def _remarks(results: Results, file: Claims) -> tuple[str, ...]:
    """The paper's pairs that are not run, and where the paper makes each claim; claims with one source together."""
    run = [(pair.dataset.family, pair.source, pair.target) for pair in results.pairs]
    others = [
        f"{family} {source} → {target}"
        for family, source, target in published.pairs()
        if (family, source, target) not in run
    ]
    not_run = [f"Pairs of the paper that this benchmark does not run: {', '.join(others)}."] if others else []
    sources: dict[str, list[str]] = {}
    for claim in file.claims:
        sources.setdefault(claim.source, []).append(claim.title)
    return (
        *not_run,
        f"The paper: {file.paper}.",
        *(f"{'; '.join(titles)}: {source}." for source, titles in sources.items()),
    )

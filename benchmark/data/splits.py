"""Splits into training and test subjects, stored with a hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.config.dataset import DatasetConfig
from benchmark.data.sampling import stream
from benchmark.runtime.atomic import write_atomically
from benchmark.runtime.errors import DataError, remedy_damaged, remedy_missing
from benchmark.runtime.text import counted


@dataclass(frozen=True)
class Fold:
    """Subject ids of one fold of a pair."""

    train_source: tuple[str, ...]
    train_target: tuple[str, ...]
    test_source: tuple[str, ...]
    test_target: tuple[str, ...]

    def renamed(self, names: Mapping[str, str]) -> "Fold":
        """The same fold with other subject names, sorted."""
        return Fold(**{part: tuple(sorted(names[s] for s in ids)) for part, ids in vars(self).items()})


def divide(
    dataset: DatasetConfig, domain: str, subjects: Sequence[str]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Training and test subjects of each fold of one domain.

    It does not depend on the pair, so that pairs share the domain's segmentor.

    Raises:
        DataError: too few subjects for the protocol.
    """
    ordered, split = sorted(subjects), dataset.split
    _check_enough(dataset, domain, len(ordered))
    if split.protocol == "leave_one_out":
        parts = [(subject,) for subject in ordered]
    else:
        order = stream("split", dataset.name, domain, split.seed).permutation(len(ordered))
        if split.protocol == "cross_validation":
            parts = [tuple(ordered[i] for i in order[k :: split.folds]) for k in range(split.folds)]
        else:
            count = min(max(round(split.train_fraction * len(ordered)), 1), len(ordered) - 1)
            parts = [tuple(ordered[i] for i in order[count:])]
    return [(tuple(s for s in ordered if s not in part), tuple(sorted(part))) for part in parts]


def _check_enough(dataset: DatasetConfig, domain: str, count: int) -> None:
    split, place = dataset.split, f"{dataset.name}, scanner {domain}"
    if split.protocol == "leave_one_out" and count != split.folds:
        raise DataError(
            place,
            f"has {counted(count, 'subject')}, and leave-one-out over {split.folds} folds needs as many",
            "Each scanner needs as many subjects as there are folds: get the whole archive, or exclude subjects until "
            "all scanners have the same number, and set 'split: folds' to it",
        )
    if split.protocol == "cross_validation" and count < split.folds:
        raise DataError(
            place,
            f"has {counted(count, 'subject')}, which cannot be divided into {split.folds} folds",
            "Get the whole archive, exclude fewer subjects, or lower 'split: folds'",
        )
    if split.protocol == "holdout" and count < 2:
        raise DataError(
            place,
            f"has {counted(count, 'subject')}, which cannot be divided into training and test",
            "Get the whole archive, or exclude fewer subjects",
        )


def make_folds(dataset: DatasetConfig, pair: str, by_domain: Mapping[str, Sequence[str]]) -> list[Fold]:
    """All folds of a pair, from the subjects of each domain."""
    source, target = pair.split("-")
    divisions = zip(
        divide(dataset, source, by_domain.get(source, ())),
        divide(dataset, target, by_domain.get(target, ())),
        strict=True,
    )
    return [Fold(train_s, train_t, test_s, test_t) for (train_s, test_s), (train_t, test_t) in divisions]


def any_pair(dataset: DatasetConfig, domain: str) -> str:
    """A pair with the domain. All pairs divide a domain into the same training and test subjects."""
    return next(pair for pair in dataset.pairs if domain in pair.split("-"))


def write_splits(path: Path, dataset: DatasetConfig, pair: str, folds: Sequence[Fold]) -> None:
    """Writes the folds with a hash over them."""
    body = {
        "dataset": dataset.name,
        "pair": pair,
        "protocol": dataset.split.model_dump(),
        "folds": [vars(fold) for fold in folds],
    }
    write_atomically(path, json.dumps({**body, "sha256": _digest(body)}, indent=1) + "\n")


def read_fold(path: Path, fold: int) -> Fold:
    """One fold, after a check of the hash.

    Raises:
        DataError: missing, damaged or edited by hand.
    """
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        digest = body.pop("sha256")
        folds = body["folds"]
    except FileNotFoundError:
        raise DataError(path, "is missing", remedy_missing(path)) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(path, "is damaged", remedy_damaged(path)) from None
    if digest != _digest(body):
        remedy = f"{remedy_damaged(path)}; choose subjects in the config"
        raise DataError(path, "was changed after it was written", remedy)
    return Fold(**{key: tuple(value) for key, value in folds[fold].items()})


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()

"""Pseudonyms: the numbers that stand for subjects everywhere but in the archive and in ``data/private``.

``data/private/<dataset>.json`` holds a random key and everybody's number. Whoever has none yet is numbered in the order
of the HMAC-SHA256 of the ids, which without the key nobody can tell. A number once given stays with its subject.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Annotated

from pydantic import Field, ValidationError, field_validator

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_private
from benchmark.runtime.errors import DataError

PSEUDONYM = r"S\d{4,}"


class _Table(Strict):
    key: str = Field(pattern="^[0-9a-f]{64}$")
    pseudonyms: dict[str, Annotated[str, Field(pattern=f"^{PSEUDONYM}$")]]  # by the archive's id

    @field_validator("pseudonyms")
    @classmethod
    def _one_each(cls, value: dict[str, str]) -> dict[str, str]:
        if len(set(value.values())) < len(value):
            raise ValueError("two subjects have one pseudonym")
        return value

    def rank(self, subject: str) -> bytes:
        return hmac.digest(bytes.fromhex(self.key), subject.encode(), hashlib.sha256)


def names_of(config: DatasetConfig, ids: Iterable[str]) -> dict[str, str]:
    """What each subject is called in all that is computed: its own id or, where the config says so, a pseudonym.

    Whoever has no pseudonym is given one, which is written down.

    Args:
        ids: as the archive has them.

    Raises:
        DataError: the table of pseudonyms is damaged, or gone while prepared subjects have them; or something of a run
            before pseudonyms were switched on has the archive's ids.
    """
    ids = set(ids)
    if not config.pseudonyms:
        return {own: own for own in ids}
    _check_former_names(config, ids)
    there = paths.private(config.name).exists() or _numbered_before(config)
    table = _read(config) if there else _Table(key=secrets.token_hex(32), pseudonyms={})
    known = dict(table.pseudonyms)
    new = sorted(ids - set(known), key=table.rank)
    known |= zip(new, _free({*ids, *known, *known.values()}), strict=False)
    if new:
        body = {"dataset": config.name, **_Table(key=table.key, pseudonyms=known).model_dump()}
        write_private(paths.private(config.name), json.dumps(body, indent=1) + "\n")
    return {own: known[own] for own in ids}


def own_ids(config: DatasetConfig, names: Iterable[str]) -> dict[str, str]:
    """The archive's id of each subject, by what it is called in all that is computed.

    Raises:
        DataError: the table of pseudonyms is missing or damaged, or another dataset's.
    """
    if not config.pseudonyms:
        return {name: name for name in names}
    ids = {name: own for own, name in _read(config).pseudonyms.items()}
    if unknown := sorted(set(names) - set(ids)):
        fault = f"knows no {', '.join(unknown)}, and {paths.PREPARED / config.name} has them"
        raise DataError(paths.private(config.name), fault, _restore(config))
    return {name: ids[name] for name in names}


def digests(config: DatasetConfig, texts: Mapping[str, str]) -> dict[str, str]:
    """A hash of what is known of each subject: SHA-256, with pseudonyms HMAC-SHA256 under the dataset's key.

    Whoever has the files of a patient could find a plain hash of them again, and so the patient's number.

    Raises:
        DataError: the table of pseudonyms is missing or damaged.
    """
    if not config.pseudonyms:
        return {subject: hashlib.sha256(text.encode()).hexdigest() for subject, text in texts.items()}
    key = bytes.fromhex(_read(config).key)
    return {subject: hmac.digest(key, text.encode(), hashlib.sha256).hex() for subject, text in texts.items()}


def names_given(config: DatasetConfig) -> dict[str, str]:
    """Every pseudonym of the dataset that was given so far, by the archive's id.

    Raises:
        DataError: the table of pseudonyms is damaged.
    """
    return dict(_read(config).pseudonyms) if paths.private(config.name).exists() else {}


def mention(ids: Iterable[str]) -> re.Pattern[str]:
    """Finds ids in a text or a file's name, where they are no part of a longer word."""
    longest_first = sorted(ids, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])")


def _free(taken: set[str]) -> Iterator[str]:
    """Pseudonyms that are neither given to anybody, nor ids of the archive's own."""
    return (name for number in count(1) if (name := f"S{number:04d}") not in taken)


def _read(config: DatasetConfig) -> _Table:
    path = paths.private(config.name)
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body.pop("dataset") != config.name:
            raise DataError(path, "is of another dataset", _restore(config))
        return _Table.model_validate(body)
    except FileNotFoundError:
        raise DataError(path, "is missing, so that nobody can tell whose number is whose", _restore(config)) from None
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(path, "is damaged", _restore(config)) from None


def _restore(config: DatasetConfig) -> str:
    prepared = paths.PREPARED / config.name
    return f"Restore it from a backup; or, to number everybody anew, delete it and {prepared}, and run snakemake"


def _numbered_before(config: DatasetConfig) -> bool:
    return any(re.fullmatch(PSEUDONYM, folder.name) for folder in paths.subject(config.name, "any").parent.glob("*"))


def _check_former_names(config: DatasetConfig, ids: set[str]) -> None:
    """What was made under the archive's ids would stay beside what is made under pseudonyms."""
    places = (
        *paths.subject(config.name, "any").parent.glob("*"),
        *paths.LOGS.glob(f"*/prepare/{config.name}-*"),
        *paths.quality(config.name).rglob("*"),
    )
    for place in places:
        if ids and mention(ids).search(place.name):
            raise DataError(
                place.parent,
                f"holds files of {config.name} with the archive's own ids in their names, from before the config had "
                "'pseudonyms: true'",
                f"Delete {paths.PREPARED / config.name}, {paths.quality(config.name)}, and what {paths.LOGS}, "
                f"{paths.RESULTS} and {paths.REPORTS} hold of it (docs/privacy.md), and run snakemake",
            )

"""Pseudonyms: numbers that replace subject ids everywhere except in the archive and in ``data/private``.

``data/private/<dataset>.json`` holds a random key and the pseudonyms. New subjects are numbered in the order of the
HMAC-SHA256 of their ids, which cannot be derived without the key. A subject keeps its pseudonym.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Annotated

from pydantic import Field, ValidationError

from benchmark.config.base import Strict
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_private
from benchmark.runtime.errors import DataError

PSEUDONYM = r"S\d{4,}"


class _Table(Strict):
    key: str = Field(pattern="^[0-9a-f]{64}$")
    pseudonyms: dict[str, Annotated[str, Field(pattern=f"^{PSEUDONYM}$")]]  # by the archive's id

    def rank(self, subject: str) -> bytes:
        return hmac.digest(bytes.fromhex(self.key), subject.encode(), hashlib.sha256)


def public_names(config: DatasetConfig, ids: Iterable[str]) -> dict[str, str]:
    """The name of each subject in all results: its id in the archive or, if the config says so, a pseudonym.

    Subjects without a pseudonym get one, which is stored.

    Args:
        ids: ids in the archive.

    Raises:
        DataError: the table of pseudonyms is damaged, or is missing although prepared subjects have pseudonyms; or
            files from before pseudonyms were switched on have the archive's ids in their names.
    """
    ids = set(ids)
    if not config.pseudonyms:
        return {archive_id: archive_id for archive_id in ids}
    _check_former_names(config, ids)
    expected = paths.private(config.name).exists() or _has_pseudonyms(config)
    table = _read(config) if expected else _Table(key=secrets.token_hex(32), pseudonyms={})
    known = dict(table.pseudonyms)
    new = sorted(ids - set(known), key=table.rank)
    known |= zip(new, _free({*ids, *known, *known.values()}), strict=False)
    if new:
        body = {"dataset": config.name, **_Table(key=table.key, pseudonyms=known).model_dump()}
        write_private(paths.private(config.name), json.dumps(body, indent=1) + "\n")
    return {archive_id: known[archive_id] for archive_id in ids}


def archive_ids(config: DatasetConfig, names: Iterable[str]) -> dict[str, str]:
    """The id in the archive of each subject, by its name in results.

    Raises:
        DataError: the table of pseudonyms is missing, damaged, or of another dataset.
    """
    if not config.pseudonyms:
        return {name: name for name in names}
    ids = {name: archive_id for archive_id, name in _read(config).pseudonyms.items()}
    if unknown := sorted(set(names) - set(ids)):
        fault = f"lacks {', '.join(unknown)}, and {paths.PREPARED / config.name} has them"
        raise DataError(paths.private(config.name), fault, _restore(config))
    return {name: ids[name] for name in names}


def digests(config: DatasetConfig, texts: Mapping[str, str]) -> dict[str, str]:
    """A hash of a text about each subject: SHA-256 or, with pseudonyms, HMAC-SHA256 under the dataset's key.

    With a plain hash, someone who has a patient's files could find the patient's pseudonym.

    Raises:
        DataError: the table of pseudonyms is missing or damaged.
    """
    if not config.pseudonyms:
        return {subject: hashlib.sha256(text.encode()).hexdigest() for subject, text in texts.items()}
    key = bytes.fromhex(_read(config).key)
    return {subject: hmac.digest(key, text.encode(), hashlib.sha256).hex() for subject, text in texts.items()}


def known_pseudonyms(config: DatasetConfig) -> dict[str, str]:
    """All pseudonyms of the dataset so far, by id in the archive.

    Raises:
        DataError: the table of pseudonyms is damaged.
    """
    return dict(_read(config).pseudonyms) if paths.private(config.name).exists() else {}


def id_pattern(ids: Iterable[str]) -> re.Pattern[str]:
    """Matches ids in a text or a file name, unless they are part of a longer word."""
    longest_first = sorted(ids, key=len, reverse=True)
    return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])")


def _free(taken: set[str]) -> Iterator[str]:
    """Pseudonyms that are not in use, neither as such nor as ids in the archive."""
    return (name for number in count(1) if (name := f"S{number:04d}") not in taken)


def _read(config: DatasetConfig) -> _Table:
    path = paths.private(config.name)
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body.pop("dataset") != config.name:
            raise DataError(path, "is of another dataset", _restore(config))
        return _Table.model_validate(body)
    except FileNotFoundError:
        raise DataError(path, "is missing, so that pseudonyms cannot be resolved", _restore(config)) from None
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(path, "is damaged", _restore(config)) from None


def _restore(config: DatasetConfig) -> str:
    prepared = paths.PREPARED / config.name
    return (
        f"Restore it from a backup; or, for new pseudonyms of all subjects, delete it and {prepared}, and run snakemake"
    )


def _has_pseudonyms(config: DatasetConfig) -> bool:
    return any(re.fullmatch(PSEUDONYM, folder.name) for folder in paths.subject(config.name, "any").parent.glob("*"))


def _check_former_names(config: DatasetConfig, ids: set[str]) -> None:
    """Refuses to write under pseudonyms while there are files under the archive's ids."""
    files = (
        *paths.subject(config.name, "any").parent.glob("*"),
        *paths.LOGS.glob(f"*/prepare/{config.name}-*"),
        *paths.quality(config.name).rglob("*"),
    )
    for file in files:
        if ids and id_pattern(ids).search(file.name):
            raise DataError(
                file.parent,
                f"holds files of {config.name} with the archive's own ids in their names, from before the config had "
                "'pseudonyms: true'",
                f"Delete {paths.PREPARED / config.name}, {paths.quality(config.name)}, and what {paths.LOGS}, "
                f"{paths.RESULTS} and {paths.REPORTS} hold of it (docs/privacy.md), and run snakemake",
            )

"""Removes names and paths from messages about a dataset with pseudonyms, since messages go to logs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.archives.privacy.pseudonyms import id_pattern, known_pseudonyms
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError, UserError

_HIDDEN = "…"
# Quoted file names in messages, including those of libraries.
_QUOTED = re.compile(r"""(?<!\w)b?(?:'[^']*[/\\.][^']*'|"[^"]*[/\\.][^"]*")""")


@contextmanager
def redacted(config: DatasetConfig) -> Iterator[None]:
    """Removes subjects and files from errors that are raised inside, if the subjects of the dataset have pseudonyms."""
    if not config.pseudonyms:
        yield
        return
    try:
        yield
    except UserError as fault:
        raise _redact(config, fault) from None
    except OSError as error:
        if not _in_archive(config, str(error.filename)):
            raise
        raise OSError(error.errno, error.strerror, f"{config.name}, its archive") from None
    except Exception as bug:
        # The traceback of a bug names no subject, but its message may.
        hidden = RuntimeError(f"{type(bug).__name__}, whose message is left out: it may name a subject")
        raise hidden.with_traceback(bug.__traceback__) from None


def _redact(config: DatasetConfig, fault: UserError) -> UserError:
    pseudonyms = known_pseudonyms(config)
    thing, remedy = _without_names(config, pseudonyms, fault.thing), _without_names(config, pseudonyms, fault.remedy)
    concerned = fault.subject if isinstance(fault, DataError) else None
    subject = next((name for archive_id, name in pseudonyms.items() if concerned in (archive_id, name)), None)
    if _in_archive(config, fault.thing):
        thing = f"{config.name}, {f'subject {subject}' if subject else 'its archive'}"
        lookup = f"{paths.private(config.name)} resolves the pseudonym"
        remedy += f". {lookup if subject else f'To see which file: hbench data check {config.name}'}"
    return type(fault)(thing, _without_names(config, pseudonyms, fault.fault), remedy)


def _in_archive(config: DatasetConfig, thing: str) -> bool:
    return thing.startswith(f"{paths.raw(config.name)}/")


def _without_names(config: DatasetConfig, pseudonyms: dict[str, str], text: str) -> str:
    """The text with pseudonyms in place of ids, and without files of the archive."""
    # Folder names may contain spaces: a path ends with the suffix of an image, or where a sentence would end.
    root = re.escape(f"{paths.raw(config.name)}/")
    ends = r"""(?:\.(?:nii|mhd|raw)(?:\.gz)?(?=[\s:,;()'"]|$)|(?=[:,;()'"]|$))"""
    text = re.sub(rf"""{root}[^:,;()'"]*?{ends}""", _HIDDEN, _QUOTED.sub(_HIDDEN, text))
    ids = {*pseudonyms, *config.exclude}
    return id_pattern(ids).sub(lambda match: pseudonyms.get(match[0], _HIDDEN), text) if ids else text

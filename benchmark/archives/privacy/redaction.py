"""Faults of a dataset with pseudonyms, which go to logs: they say what is wrong and with whom, and no name or path."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.archives.privacy.pseudonyms import mention, names_given
from benchmark.config.dataset import DatasetConfig
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError, UserError

_HIDDEN = "…"
# File names and members of packed archives that messages, libraries' among them, put in quotes.
_QUOTED = re.compile(r"""(?<!\w)b?(?:'[^']*[/\\.][^']*'|"[^"]*[/\\.][^"]*")""")


@contextmanager
def redacted(config: DatasetConfig) -> Iterator[None]:
    """Errors that are raised inside name neither a subject nor a file of an archive whose subjects have pseudonyms."""
    if not config.pseudonyms:
        yield
        return
    try:
        yield
    except UserError as fault:
        raise _told(config, fault) from None
    except OSError as error:
        if not _in_archive(config, str(error.filename)):
            raise
        raise OSError(error.errno, error.strerror, f"{config.name}, its archive") from None
    except Exception as bug:
        # Of a bug, the place in the code says nothing about anybody, and the message may.
        hidden = RuntimeError(f"{type(bug).__name__}, whose message is left out: it may name a subject")
        raise hidden.with_traceback(bug.__traceback__) from None


def _told(config: DatasetConfig, fault: UserError) -> UserError:
    given = names_given(config)
    thing, remedy = _without_names(config, given, fault.thing), _without_names(config, given, fault.remedy)
    concerned = fault.subject if isinstance(fault, DataError) else None
    subject = next((name for own, name in given.items() if concerned in (own, name)), None)
    if _in_archive(config, fault.thing):
        thing = f"{config.name}, {f'subject {subject}' if subject else 'its archive'}"
        whose = f"{paths.private(config.name)} tells whose file it is"
        remedy += f". {whose if subject else f'To see which file: hbench data check {config.name}'}"
    return type(fault)(thing, _without_names(config, given, fault.fault), remedy)


def _in_archive(config: DatasetConfig, thing: str) -> bool:
    return thing.startswith(f"{paths.raw(config.name)}/")


def _without_names(config: DatasetConfig, given: dict[str, str], text: str) -> str:
    """The text with pseudonyms for ids, and without files of the archive."""
    # Names of folders have spaces: a path ends behind the name of an image, or where a sentence would.
    root = re.escape(f"{paths.raw(config.name)}/")
    ends = r"""(?:\.(?:nii|mhd|raw)(?:\.gz)?(?=[\s:,;()'"]|$)|(?=[:,;()'"]|$))"""
    text = re.sub(rf"""{root}[^:,;()'"]*?{ends}""", _HIDDEN, _QUOTED.sub(_HIDDEN, text))
    ids = {*given, *config.exclude}
    return mention(ids).sub(lambda match: given.get(match[0], _HIDDEN), text) if ids else text

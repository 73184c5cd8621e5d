"""What an inventory was taken with, and that another archive, other settings or another key are noticed."""

import hashlib
import json
import os

import pytest
from archives import verified
from small_datasets import inventoried

from benchmark.archives.outdated import inventory_settings, outdated, refuse_kept, sources
from benchmark.config.load import load_dataset
from benchmark.runtime import paths
from benchmark.runtime.errors import DataError


def found(pin: str = "") -> list[str]:
    return [path.name for path, _ in outdated(load_dataset("mini"), pin)]


def taken_with() -> str:
    return json.loads(paths.inventory("mini").read_text())["taken_with"]


@pytest.mark.parametrize("pseudonyms", [False, True])
def test_an_inventory_holds_until_its_settings_or_its_archive_change(msseg, pseudonyms):
    msseg(pseudonyms=pseudonyms)
    assert found() == []
    inventoried("mini")
    assert found() == []
    assert found("another.dir") == ["manifest.json", "inventory.json"]
    msseg(pseudonyms=pseudonyms, title="Another title")
    assert found() == []
    for changes in ({"exclude": ["01011QUXA"]}, {"pairs": ["SA-SV"]}, {"split": {"protocol": "holdout"}}):
        msseg(pseudonyms=pseudonyms, **changes)
        assert found() == ["inventory.json"]


def test_switched_on_or_off_pseudonyms(msseg):
    msseg()
    inventoried("mini")
    msseg(pseudonyms=True)
    assert found() == ["inventory.json"]  # nor is there a key yet
    verified("mini")
    inventoried("mini")
    msseg()
    assert found() == ["inventory.json"]


def test_with_pseudonyms_the_digest_has_a_key(msseg):
    """Else who guesses the ids left out could tell whether they are."""
    msseg()
    inventoried("mini")
    assert taken_with() == hashlib.sha256(f" {inventory_settings(load_dataset('mini'))}".encode()).hexdigest()
    paths.inventory("mini").unlink()
    msseg(pseudonyms=True)
    digests = set()
    for _ in range(2):
        paths.private("mini").unlink(missing_ok=True)
        inventoried("mini")
        digests.add(taken_with())
    plain = hashlib.sha256(f" {inventory_settings(load_dataset('mini'))}".encode()).hexdigest()
    assert len(digests | {plain}) == 3


@pytest.mark.parametrize("text", ["", "[]", "{}"])
def test_damaged_ones_do_not_hold(msseg, text):
    msseg()
    inventoried("mini")
    for path in (paths.manifest("mini"), paths.inventory("mini")):
        path.write_text(text)
    assert found() == ["manifest.json", "inventory.json"]


def test_what_is_newer_than_all_that_states_it_is_refused(msseg):
    """Snakemake, if it forgot how it made the file, would keep it."""
    msseg()
    inventoried("mini")
    config, path = load_dataset("mini"), paths.inventory("mini")
    assert sources(config) == [paths.DATASET_CONFIG / "mini.yaml"]
    os.utime(path, (1, 1))
    refuse_kept(path, "was taken otherwise", sources(config))
    os.utime(sources(config)[0], (0, 0))
    with pytest.raises(DataError, match=r"inventory.json: was taken otherwise, but is newer .*\. touch .*mini.yaml\."):
        refuse_kept(path, "was taken otherwise", sources(config))

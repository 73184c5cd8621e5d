"""Files that were written while the clock was ahead."""

import os
import time

import pytest

from benchmark.pipeline import clock
from benchmark.pipeline.clock import MARGIN, bring_back

YEAR = 365 * 24 * 3600


def put(path, seconds):
    """A file that is this much ahead."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() + seconds,) * 2)
    return path


def test_what_is_ahead_comes_to_lie_before_now_in_its_order(tmp_path):
    late, early, same = (put(tmp_path / name, YEAR) for name in ("a/late", "early", "b/.same"))
    os.utime(late, (time.time() + 2 * YEAR,) * 2)
    os.utime(same, ns=(late.stat().st_mtime_ns,) * 2)
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    os.utime(link, (time.time() + YEAR,) * 2, follow_symlinks=False)
    past = put(tmp_path / "past", -5)
    moment = past.stat().st_mtime_ns
    folder = tmp_path / "b"
    os.utime(folder, (time.time() + YEAR / 2,) * 2)
    assert bring_back([tmp_path, tmp_path / "missing"]) == 5
    times = [path.lstat().st_mtime for path in (past, folder, early, late)]
    assert times == sorted(times)
    assert len(set(times)) == 4
    assert same.stat().st_mtime == late.stat().st_mtime
    assert late.stat().st_mtime <= time.time()
    assert link.lstat().st_mtime <= time.time()
    assert past.stat().st_mtime_ns == moment
    assert bring_back([tmp_path]) == 0


def test_a_network_s_clock_may_be_a_little_ahead(tmp_path):
    path = put(tmp_path / "a", MARGIN / 2)
    before = path.stat().st_mtime_ns
    assert bring_back([tmp_path]) == 0
    assert path.stat().st_mtime_ns == before


class Ended(Exception):  # noqa: N818
    """The watch goes on for ever."""


def test_a_clock_that_is_set_back_is_seen_and_one_that_is_set_forward_does_nothing(tmp_path, monkeypatch):
    path = put(tmp_path / "a", YEAR)
    looks, ahead = iter([0.0, 1.0, YEAR, YEAR - 30, 2.0]), []

    def sleep(seconds):
        ahead.append(path.stat().st_mtime > time.time())
        if len(ahead) == 5:
            raise Ended

    monkeypatch.setattr(clock, "_ahead", lambda: next(looks))
    monkeypatch.setattr(clock.time, "sleep", sleep)
    with pytest.raises(Ended):
        clock._watch([tmp_path], 1.0)
    assert ahead == [True] * 4 + [False]

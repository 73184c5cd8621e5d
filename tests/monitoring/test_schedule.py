import pytest

from benchmark.monitoring.schedule import Machine, critical_path, simulate
from benchmark.pipeline.jobs import Job
from benchmark.runtime.errors import UserError


def job(rule, name, *needs):
    return Job(rule, name, (), tuple((needed.rule, needed.name) for needed in needs))


def starts(placed):
    return {p.job.name: p.start for p in placed}


def test_one_core_takes_the_sum_and_two_the_latest_end():
    jobs = [job("harmonize", name) for name in "abc"]
    seconds = dict(zip([j.key for j in jobs], [4.0, 3.0, 2.0], strict=True))
    assert max(p.end for p in simulate(jobs, seconds, Machine(1))) == 9
    assert starts(simulate(jobs, seconds, Machine(2))) == {"a": 0, "b": 0, "c": 3}


def test_a_job_waits_for_all_its_needs():
    first, second = job("train", "first"), job("train", "second")
    last = job("score", "last", first, second)
    seconds = {first.key: 1.0, second.key: 5.0, last.key: 1.0}
    assert starts(simulate([first, second, last], seconds, Machine(3)))["last"] == 5


def test_ready_jobs_start_by_priority():
    jobs = [job("score", "score"), job("segmentor", "judge"), job("train", "train"), job("prepare", "data")]
    placed = simulate(jobs, {j.key: 1.0 for j in jobs}, Machine(1))
    assert [p.job.name for p in placed] == ["data", "train", "judge", "score"]


def test_gpu_jobs_share_the_gpus():
    jobs = [job("train", "a"), job("train", "b"), job("prepare", "c")]
    seconds = {j.key: 2.0 for j in jobs}
    assert starts(simulate(jobs, seconds, Machine(3, gpus=1))) == {"c": 0, "a": 0, "b": 2}
    assert starts(simulate(jobs, seconds, Machine(3))) == {"c": 0, "a": 0, "b": 0}


def test_archives_are_fetched_one_at_a_time():
    jobs = [job("fetch", "a"), job("fetch", "b")]
    assert starts(simulate(jobs, {j.key: 2.0 for j in jobs}, Machine(2))) == {"a": 0, "b": 2}


def test_memory_limits_jobs_side_by_side_and_single_jobs():
    jobs = [job("train", "a"), job("train", "b"), job("harmonize", "c")]
    seconds = {j.key: 2.0 for j in jobs}
    memory = dict(zip(seconds, [600.0, 600.0, 300.0], strict=True))
    assert starts(simulate(jobs, seconds, Machine(3, memory=1000.0), memory)) == {"a": 0, "b": 2, "c": 0}
    with pytest.raises(UserError, match="train a needs more"):
        simulate(jobs, seconds, Machine(3, memory=500.0), memory)


def test_critical_path():
    a, b = job("prepare", "a"), job("prepare", "b")
    c, d = job("train", "c", a), job("segmentor", "d", b)
    e = job("score", "e", c, d)
    seconds = {a.key: 5.0, b.key: 1.0, c.key: 1.0, d.key: 4.0, e.key: 1.0}
    assert [j.name for j in critical_path([a, b, c, d, e], seconds)] == ["a", "c", "e"]

"""The progress of a sweep."""

import pytest

from runner.records.sweep_records import JobRecord
from runner.sweep.progress import SweepProgress, duration, factors_line, listed, part_of


def finished(number: int, seconds: float) -> JobRecord:
    return JobRecord(number, "", "finished", began=0.0, seconds=seconds)


def running(number: int, began: float) -> JobRecord:
    return JobRecord(number, "", "running", began=began)


def test_the_line_counts_what_there_is() -> None:
    records = [
        finished(0, 10),
        JobRecord(1, "", "reused"),
        JobRecord(2, "", "failed", "NaN", began=0, seconds=3),
        running(3, 95.0),
    ]
    # A job takes 10 s: 5 s of the one that runs are left, and four wait.
    assert SweepProgress(8, records).seconds_left(100.0) == 45
    told = "2 of 8 jobs done (1 before), 1 failed, 1 running, about 45 s left"
    assert SweepProgress(8, records).summary(100.0) == told
    lost = [JobRecord(4, "", "skipped"), JobRecord(5, "", "interrupted")]
    assert SweepProgress(8, lost).summary(100.0) == "0 of 8 jobs done, 1 interrupted, 1 left out"
    assert SweepProgress(2, []).summary(0.0) == "0 of 2 jobs done"
    assert SweepProgress(1, []).summary(0.0) == "0 of 1 job done"


def test_jobs_side_by_side_take_less_time() -> None:
    records = [finished(0, 10), running(1, 100.0), running(2, 80.0)]
    # One has its 10 s before it, one is late, four wait: 50 s for two at once.
    assert SweepProgress(7, records).seconds_left(100.0) == 25


def test_nothing_is_said_of_the_time_before_a_job_has_finished() -> None:
    assert SweepProgress(8, [running(0, 0.0)]).seconds_left(100.0) is None
    # What an equal run once took says nothing of this machine.
    assert SweepProgress(8, [JobRecord(1, "", "reused"), running(0, 0.0)]).seconds_left(9.0) is None
    assert SweepProgress(8, [finished(0, 10)]).seconds_left(9.0) is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.2, "0 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5400, "90 min"),
        (6000, "1 h 40 min"),
        (7200, "2 h"),
        (172800, "2 d"),
        (190000, "2 d 5 h"),
    ],
)
def test_durations_as_people_say_them(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_jobs_are_listed_by_ranges() -> None:
    assert listed([]) == ""
    assert listed([3]) == "3"
    assert listed([4, 3]) == "3, 4"
    assert listed([0, 5, 3, 4, 7]) == "0, 3 to 5, 7"


def test_some_of_the_jobs() -> None:
    assert part_of(4, "failed", [3, 1]) == "2 of 4 jobs failed: jobs 1, 3"
    assert part_of(1, "failed", [0]) == "1 of 1 job failed: job 0"


def test_factors_with_their_levels() -> None:
    factors = {"schedule.name": ("a", "a", "b"), "seed": tuple(map(str, range(20)))}
    assert factors_line(factors) == "schedule.name (a, b), seed (0, 1, 2, 3, ... 19: 20 levels)"

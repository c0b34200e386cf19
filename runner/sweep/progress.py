"""The progress of a sweep: how many jobs are done, run or have failed, and how long the rest will take."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runner.process.wording import counted
from runner.records.sweep_records import JobRecord

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_MOST_LEVELS = 6


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep.

    Args:
        count: How many jobs it has.
        records: Of those that were begun.
    """

    count: int
    records: Collection[JobRecord]

    def seconds_left(self, now: float) -> float | None:
        """Estimates how long the sweep will still take.

        Args:
            now: Seconds since 1970.

        Returns:
            Seconds, as if each job took as long as those that have finished here, and as many ran at once as
            do now; None where no job has finished yet, or none runs.
        """
        took = [record.seconds for record in self.records if record.status == "finished" and record.seconds]
        began = [record.began or now for record in self.records if record.status == "running"]
        if not took or not began:
            return None
        mean = sum(took) / len(took)
        waiting = self.count - len(self.records)
        # One that already takes longer may end at any moment.
        return (waiting * mean + sum(max(0.0, mean - (now - start)) for start in began)) / len(began)

    def summary(self, now: float) -> str:
        """Returns a line such as `4 of 8 jobs done, 1 failed, 2 running, about 3 min left`.

        Args:
            now: Seconds since 1970.
        """
        counts: Counter[str] = Counter(record.status for record in self.records)
        before = f" ({counts['reused']} before)" if counts["reused"] else ""
        parts = [f"{counts['finished'] + counts['reused']} of {counted(self.count, 'job')} done{before}"]
        shown = {
            "failed": "failed",
            "interrupted": "interrupted",
            "skipped": "left out",
            "running": "running",
        }
        parts += [f"{counts[status]} {words}" for status, words in shown.items() if counts[status]]
        left = self.seconds_left(now)
        return ", ".join([*parts, *([] if left is None else [f"about {duration(left)} left"])])


def duration(seconds: float) -> str:
    """Returns a time in rounded units: `8 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 100 * _MINUTE:
        return f"{round(whole / _MINUTE)} min"
    if whole < 2 * _DAY:
        hours, rest = divmod(round(whole / _MINUTE), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(whole / _HOUR), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def part_of(count: int, verb: str, numbers: Collection[int]) -> str:
    """Returns what some of a sweep's jobs did: `2 of 4 jobs failed: jobs 1, 3`.

    Args:
        count: How many jobs the sweep has.
        verb: `failed`, for one.
        numbers: The jobs; at least one.
    """
    jobs = "job" if len(numbers) == 1 else "jobs"
    return f"{len(numbers)} of {counted(count, 'job')} {verb}: {jobs} {listed(numbers)}"


def listed(numbers: Collection[int]) -> str:
    """Returns the numbers of jobs as a list, runs of them as ranges: `0, 3 to 7`."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(
        str(first) if first == last else f"{first}, {last}" if last == first + 1 else f"{first} to {last}"
        for first, last in ranges
    )


def factors_line(factors: Mapping[str, Sequence[str]]) -> str:
    """Returns what a sweep varies: `schedule.name (constant, polynomial), seed (1, 2, 3)`."""
    return ", ".join(f"{name} ({_few(list(dict.fromkeys(own)))})" for name, own in factors.items())


def _few(levels: Sequence[str]) -> str:
    if len(levels) <= _MOST_LEVELS:
        return ", ".join(levels)
    return f"{', '.join(levels[: _MOST_LEVELS - 2])}, ... {levels[-1]}: {len(levels)} levels"

"""Where a sweep stands: how many jobs are done, run or have failed, and how long the rest will take."""

from collections.abc import Collection
from dataclasses import dataclass

from runner.process.wording import counted
from runner.records.sweep_records import JobRecord

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Standing:
    """What the records of a sweep's jobs amount to, while it goes on.

    Args:
        jobs: How many there are; None where the sweeper chooses them as it goes.
        records: Of those that were begun.
    """

    jobs: int | None
    records: Collection[JobRecord]

    @property
    def running(self) -> list[JobRecord]:
        """Those that run."""
        return [record for record in self.records if record.running]

    @property
    def ended(self) -> list[JobRecord]:
        """Those that do not run any more."""
        return [record for record in self.records if not record.running]

    def seconds_left(self, now: float) -> float | None:
        """Estimates how long the sweep will take yet.

        Args:
            now: Seconds since 1970.

        Returns:
            Seconds, as if each job took as long as those that have finished here, and as many ran at once as
            do now; None where nothing can be said yet.
        """
        took = [record.seconds for record in self.records if record.status == "finished" and record.seconds]
        running = self.running
        if self.jobs is None or not took or not running:
            return None
        mean = sum(took) / len(took)
        waiting = self.jobs - len(self.records)
        # One that already takes longer may end at any moment.
        begun = sum(max(0.0, mean - (now - (record.began or now))) for record in running)
        return (waiting * mean + begun) / len(running)

    def summary(self, now: float) -> str:
        """Says it in a line, such as `4 of 8 jobs done, 1 failed, 2 running, about 3 min left`.

        Args:
            now: Seconds since 1970.
        """
        statuses = [record.status for record in self.ended]
        before = statuses.count("reused")
        done = statuses.count("finished") + before
        total = counted(done, "job") if self.jobs is None else f"{done} of {counted(self.jobs, 'job')}"
        parts = [f"{total} done{f' ({before} before)' if before else ''}"]
        counts = {
            "failed": statuses.count("failed"),
            "interrupted": statuses.count("interrupted"),
            "left out": statuses.count("skipped"),
            "running": len(self.running),
        }
        parts += [f"{count} {name}" for name, count in counts.items() if count]
        left = self.seconds_left(now)
        if left is not None:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Writes a time as people say it: `8 s`, `12 min`, `3 h 5 min`, `2 d 4 h`."""
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


def told_of(count: int, what: str, numbers: Collection[int]) -> str:
    """Says what became of some of a sweep's jobs: `2 of 4 jobs failed: jobs 1, 3`.

    Args:
        count: How many jobs there are.
        what: What became of them.
        numbers: Theirs; at least one.
    """
    jobs = "job" if len(numbers) == 1 else "jobs"
    return f"{len(numbers)} of {counted(count, 'job')} {what}: {jobs} {listed(numbers)}"


def listed(numbers: Collection[int]) -> str:
    """Writes numbers of jobs, runs of them as ranges: `0, 3 to 7`."""
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

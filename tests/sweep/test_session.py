"""The command that continues a sweep."""

import pytest

from runner.records.sweep_records import JobRecord, Status
from runner.sweep.session import _unsuccessful, continuing


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (("runner", "--multirun", "seed=1,2"), "python -m runner --multirun seed=1,2 resume=true"),
        (
            ("runner", "-m", "recipe=glob(mnist_*)", "resume=true", "recipe.model.filters=[4,8]"),
            "python -m runner -m 'recipe=glob(mnist_*)' 'recipe.model.filters=[4,8]' resume=true",
        ),
        (("runner", "-m", "resume=false"), "python -m runner -m resume=true"),
    ],
)
def test_the_command_that_continues(argv: tuple[str, ...], command: str) -> None:
    assert continuing(argv) == command


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        (["finished", "failed", "reused", "finished"], "1 of 4 jobs failed: job 1"),
        (["failed"], "1 of 1 job failed: job 0"),
        (["interrupted", "finished"], "1 of 2 jobs did not finish: job 0"),
        (
            ["failed", "skipped", "interrupted", "failed", "skipped"],
            "2 of 5 jobs failed: jobs 0, 3\n3 of 5 jobs did not finish: jobs 1, 2, 4",
        ),
    ],
)
def test_what_failed_is_told_apart_from_what_did_not_finish(statuses: list[Status], told: str) -> None:
    assert _unsuccessful([JobRecord(n, "", status) for n, status in enumerate(statuses)]) == told

import pytest

from runner.process.errors import RunFailed, RunnerError, UserError, did_you_mean


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("constnat", " Did you mean 'constant'?"),
        ("CONSTANT", " Did you mean 'constant'?"),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_did_you_mean_names_the_nearest(found: str, expected: str) -> None:
    assert did_you_mean(found, ["polynomial", "constant"]) == expected


def test_user_errors_and_failed_runs_are_told_apart() -> None:
    assert issubclass(UserError, RunnerError)
    assert issubclass(RunFailed, RunnerError)
    assert not issubclass(RunFailed, UserError)

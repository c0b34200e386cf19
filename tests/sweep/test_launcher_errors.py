"""Errors of Hydra's plugins."""

import types

import pytest

from runner.process.errors import RunFailed
from runner.sweep.launcher_errors import is_without_trials, launcher_failure


def raised_in(module: str, error: BaseException) -> BaseException:
    """An error that a function of a module has raised."""
    plugin = types.ModuleType(module)
    exec("def fail(error): raise error", plugin.__dict__)
    with pytest.raises(type(error)) as raised:
        plugin.fail(error)
    return raised.value


def test_an_error_of_a_launcher_is_a_failure_of_the_sweep() -> None:
    error = raised_in("hydra_plugins.some.launcher", OSError("a worker\n\n was\nlost\nand more"))

    failure = launcher_failure(error, "joblib")

    assert isinstance(failure, RunFailed)
    assert str(failure) == "joblib gave up: OSError: a worker was lost"
    assert failure.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        raised_in("somewhere", OSError("x")),
        raised_in("hydra_plugins.x", KeyboardInterrupt()),
        raised_in("hydra_plugins.x", RunFailed("x")),
    ],
)
def test_any_other_error_stays(error: BaseException) -> None:
    assert launcher_failure(error, "joblib") is error


def test_a_search_without_a_result() -> None:
    assert is_without_trials(ValueError("No trials are completed yet."))
    assert not is_without_trials(ValueError("x"))
    assert not is_without_trials(None)

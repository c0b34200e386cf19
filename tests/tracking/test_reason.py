import socket
import ssl

import pytest

from runner.tracking.reason import short_reason


def raised(error: BaseException, *causes: BaseException) -> BaseException:
    """Returns an error that stems from others, the nearest first."""
    for outer, inner in zip((error, *causes), causes, strict=False):
        outer.__context__ = inner
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            raised(
                RuntimeError("API request failed"),
                OSError("Max retries"),
                ConnectionRefusedError(111, "Connection refused"),
            ),
            "connection refused",
        ),
        (
            raised(RuntimeError("API request failed"), socket.gaierror(-2, "Name or service not known")),
            "name or service not known",
        ),
        (
            raised(RuntimeError("API request failed"), OSError("Read timed out. (read timeout=10)")),
            "no answer in time",
        ),
        (
            raised(
                RuntimeError("API request failed"),
                ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version"),
            ),
            "no safe connection: TLS failed",
        ),
        (
            RuntimeError(
                "API request to endpoint /api/2.0 failed with error code 404 != 200. Response body: '<html>'"
            ),
            "it answers with HTTP status 404",
        ),
        (RuntimeError("database is locked\n[SQL: SELECT 1]"), "database is locked"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_the_cause_in_a_few_words(error: BaseException, told: str) -> None:
    assert short_reason(error) == told


def test_errors_that_stem_from_each_other_come_to_an_end() -> None:
    first, second = RuntimeError("first"), RuntimeError("second")
    first.__context__, second.__context__ = second, first
    assert short_reason(first) == "first"

"""What holds for all tests."""

import signal

import pytest

# A script that runs the tests in the background has them, and all that they start, ignore Ctrl-C, which is
# part of what they test.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# With two workers, what takes longest comes first, so that none waits for the other at the end.
LONGEST_FIRST = (
    "test_golden.py",
    "test_experiment.py",
    "test_main.py",
    "test_dense.py",
    "test_conversion.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Orders the modules by how long they take."""
    items.sort(key=lambda item: item.path.name not in LONGEST_FIRST)

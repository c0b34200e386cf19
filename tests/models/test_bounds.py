import resource
import signal
import threading
import time

import numpy as np
import pytest

from runner.models import bounds
from runner.models.bounds import memory_limited, time_limited
from runner.models.refused import ModelTooLarge


def _compute(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_memory_is_limited_within_and_not_afterwards() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory_limited(0):
        small = np.empty(2**20, np.uint8)
        with pytest.raises(MemoryError):
            np.empty(2**30, np.uint8)
    assert small.size == 2**20
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert np.empty(2**30, np.uint8).size == 2**30


def test_a_large_file_may_take_more_memory() -> None:
    with memory_limited(2**25):
        assert np.empty(2**30, np.uint8).size == 2**30


def test_a_limit_that_is_narrower_already_is_kept() -> None:
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    taken = bounds._taken() + 2**28
    resource.setrlimit(resource.RLIMIT_DATA, (taken, most))
    try:
        with memory_limited(0):
            assert resource.getrlimit(resource.RLIMIT_DATA) == (taken, most)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))


def test_endless_computing_is_stopped_and_the_timer_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_SECONDS", 0.1)
    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(ModelTooLarge, match="far more than a model of its size should"), time_limited(0, 0):
        _compute(10)
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert signal.getsignal(signal.SIGVTALRM) is before


def test_time_grows_with_calls_and_numbers_and_waiting_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_SECONDS", 0.05)
    for numbers, calls in ((0, 2), (10**6, 0)):
        with time_limited(numbers, calls):
            _compute(0.3)
    with time_limited(0, 0):
        time.sleep(0.2)


def test_another_thread_is_not_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_SECONDS", 0.05)
    ended: list[bool] = []

    def compute() -> None:
        with time_limited(0, 0):
            _compute(0.2)
        ended.append(True)

    thread = threading.Thread(target=compute)
    thread.start()
    thread.join()
    assert ended == [True]

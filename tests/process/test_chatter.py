import logging
import os
import sys
import warnings

import pytest

from runner.process.chatter import hush_retracing, silenced_stderr


def test_what_goes_to_the_descriptor_is_kept_off_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    with silenced_stderr():
        os.write(2, b"from C++\n")
        warnings.warn("deprecated", stacklevel=1)
    os.write(2, b"after\n")
    print("out")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("out\n", "after\n")


def test_the_descriptor_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with silenced_stderr():
            os.write(2, b"last words\n")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    os.write(2, b"seen\n")
    assert capfd.readouterr().err == "seen\n"


def test_a_process_without_standard_error_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(descriptor: int) -> int:
        raise OSError(9, f"Bad file descriptor: {descriptor}")

    monkeypatch.setattr(os, "dup", closed)
    monkeypatch.setattr(sys, "stderr", None)
    with silenced_stderr():
        done = True
    assert done


def test_advice_about_retracing_is_dropped_and_nothing_else(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("tensorflow")
    monkeypatch.setattr(logger, "filters", [])

    for times in range(2):
        logger.warning("%d out of the last 8 calls to %s triggered tf.function retracing.", 5, "train")
        logger.warning("Gradients do not exist for a variable")
        if times == 0:
            hush_retracing()
            hush_retracing()

    advice = "5 out of the last 8 calls to train triggered tf.function retracing."
    others = "Gradients do not exist for a variable"
    assert caplog.messages == [advice, others, others]
    assert len(logger.filters) == 1

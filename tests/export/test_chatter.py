import os
import sys
import warnings

import pytest

from runner.export.chatter import Chatter, captured_stderr


def test_what_goes_to_the_descriptor_is_kept_off_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    with captured_stderr() as chatter:
        os.write(2, b"from C++\n")
        warnings.warn("deprecated", stacklevel=1)
    os.write(2, b"after\n")
    print("out")
    shown = capfd.readouterr()
    assert chatter.text == "from C++\n"
    assert (shown.out, shown.err) == ("out\n", "after\n")


def test_the_descriptor_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with captured_stderr() as chatter:
            heard.append(chatter)
            os.write(2, b"last words\n")
            raise KeyError

    heard: list[Chatter] = []
    with pytest.raises(KeyError):
        fail()
    os.write(2, b"seen\n")
    assert [chatter.text for chatter in heard] == ["last words\n"]
    assert capfd.readouterr().err == "seen\n"


def test_a_process_without_standard_error_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(descriptor: int) -> int:
        raise OSError(9, f"Bad file descriptor: {descriptor}")

    monkeypatch.setattr(os, "dup", closed)
    monkeypatch.setattr(sys, "stderr", None)
    with captured_stderr() as chatter:
        done = True
    assert done
    assert chatter.text == ""


def test_the_tail_is_cut_at_a_line() -> None:
    chatter = Chatter("first line\nsecond line\nthird\n")
    assert chatter.tail() == "first line\nsecond line\nthird"
    assert chatter.tail(16) == "... third"
    assert chatter.tail(10) == "... third"

"""Keeps TensorFlow's chatter off the screen, and what its C++ code says for the error message."""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Chatter:
    """What was written to standard error; complete when the `with` block is left."""

    text: str = ""

    def tail(self, limit: int = 2000) -> str:
        """Returns the last `limit` characters or fewer, cut at a line, for an error message."""
        kept = self.text.strip()
        return kept if len(kept) <= limit else "... " + kept[-limit:].partition("\n")[2]


@contextmanager
def captured_stderr() -> Iterator[Chatter]:
    """Captures file descriptor 2 of the whole process, and Python's warnings, inside the `with` block.

    TensorFlow's converter, absl, MLIR and the TFLite interpreter write there from C++, past `sys.stderr`.
    Whatever other threads write to standard error meanwhile is captured too.
    """
    chatter = Chatter()
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # a service without a standard error has nothing to keep quiet
        yield chatter
        return
    with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(sink.fileno(), 2)
        try:
            yield chatter
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            chatter.text = sink.read().decode("utf-8", "replace")


def import_quietly() -> None:
    """Imports TensorFlow, whose libraries greet before they have read how quiet they should be."""
    with captured_stderr():
        import tensorflow  # noqa: F401


def hush_retracing() -> None:
    """Drops TensorFlow's advice on functions that are traced anew, as those of each job of a sweep are."""
    logging.getLogger("tensorflow").addFilter(_is_no_retracing)


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()

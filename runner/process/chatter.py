"""Keeps messages of TensorFlow's libraries off the screen."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced_stderr() -> Iterator[None]:
    """Discards what the whole process writes to file descriptor 2, and Python's warnings, inside the block.

    TensorFlow's C++ libraries write there, past `sys.stderr`. So do other threads meanwhile.
    """
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # A service may have no standard error.
        yield
        return
    with open(os.devnull, "wb") as nothing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


def import_quietly() -> None:
    """Imports TensorFlow, whose libraries print messages before their log level can be set."""
    with silenced_stderr():
        import tensorflow  # noqa: F401


def hush_retracing() -> None:
    """Drops TensorFlow's advice against tracing a function again, which each job of a sweep does."""
    logging.getLogger("tensorflow").addFilter(_is_no_retracing)


def _is_no_retracing(record: logging.LogRecord) -> bool:
    return "triggered tf.function retracing" not in record.getMessage()

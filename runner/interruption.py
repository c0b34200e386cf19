"""Ctrl-C that cannot be lost: some libraries swallow a KeyboardInterrupt that meets them in a callback."""

import threading

_pressed = threading.Event()


def note_interrupt() -> None:
    """Remembers that the user wants the command to end."""
    _pressed.set()


def was_interrupted() -> bool:
    """Tells whether the user wanted the command to end, whatever became of the exception."""
    return _pressed.is_set()


def stop_if_interrupted() -> None:
    """Raises KeyboardInterrupt where one was raised before and got lost; called between steps and stages."""
    if _pressed.is_set():
        raise KeyboardInterrupt

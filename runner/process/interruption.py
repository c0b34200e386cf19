"""Ctrl-C that cannot be lost: some libraries swallow a KeyboardInterrupt that meets them in a callback."""

_reasons: list[str] = []


def note_interrupt(reason: str = "interrupted") -> None:
    """Remembers that the user, or a scheduler, wants the command to end; the first reason counts."""
    _reasons.append(reason)


def was_interrupted() -> bool:
    """Tells whether the command is to end, whatever became of the exception."""
    return bool(_reasons)


def interrupt_reason() -> str:
    """Returns why the command is to end."""
    return _reasons[0] if _reasons else "interrupted"


def stop_if_interrupted() -> None:
    """Raises KeyboardInterrupt where one was raised before and got lost; called between steps and stages."""
    if _reasons:
        raise KeyboardInterrupt

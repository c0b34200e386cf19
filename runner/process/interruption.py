"""How a command is stopped: the signal, and an interrupt that a library has swallowed in a callback."""

from types import FrameType
from typing import NoReturn

_reasons: list[str] = []


def note_interrupt(reason: str = "interrupted") -> None:
    """Remembers that the user, or a scheduler, wants the command to end; the first reason counts."""
    _reasons.append(reason)


def interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Handles a signal: remembers the interrupt and raises KeyboardInterrupt."""
    note_interrupt()
    raise KeyboardInterrupt


def interrupted(error: BaseException | None = None) -> bool:
    """Whether the command is to end.

    Args:
        error: What was raised. An interrupt that tears an import or a library apart is raised as something
            else, or not at all, so that what was remembered counts too.
    """
    return bool(_reasons) or isinstance(error, KeyboardInterrupt)


def interrupt_reason() -> str:
    """Returns why the command is to end."""
    return _reasons[0] if _reasons else "interrupted"


def stop_if_interrupted() -> None:
    """Raises KeyboardInterrupt where one was raised before and got lost; called between steps and stages."""
    if _reasons:
        raise KeyboardInterrupt

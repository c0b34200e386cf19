"""How messages put things."""


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun, in the plural where that is due: `1 epoch`, `2 epochs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

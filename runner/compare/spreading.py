"""Marks of almost one place, moved apart so that none hides another."""

from collections.abc import Sequence

_MARKS_ABREAST = 56
"""So many marks with their whiskers stand side by side in a picture."""


def spread(places: Sequence[float], least_width: float) -> list[float]:
    """Moves marks sideways, as little as it takes, until any two are a mark's width apart.

    Their order stays; of equal places the first is left. Each crowd stays around its own middle. Where there
    are more marks than stand abreast, they overlap, and no crowd gets wider than the picture.

    Args:
        places: Where the marks would be.
        least_width: How wide the picture is at least, in the same unit.

    Returns:
        Where each is to be drawn, in the order of `places`.
    """
    width = max(max(places) - min(places), least_width)
    apart = width / max(_MARKS_ABREAST, 2 * len(places))
    order = sorted(range(len(places)), key=lambda index: (places[index], index))
    # Each crowd: the marks in it, and the sum of where their first would have to stand for each.
    crowds: list[tuple[list[int], float]] = []
    for index in order:
        members, total = [index], places[index]
        while crowds and crowds[-1][1] / len(crowds[-1][0]) + len(crowds[-1][0]) * apart > total / len(
            members
        ):
            before, earlier = crowds.pop()
            total = earlier + total - len(members) * len(before) * apart
            members = before + members
        crowds.append((members, total))
    moved = [0.0] * len(places)
    for members, total in crowds:
        for position, index in enumerate(members):
            moved[index] = total / len(members) + position * apart
    return moved

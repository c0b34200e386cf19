"""The Pareto front: what nothing else beats in both respects."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]], *, higher_is_better: bool = True) -> list[int]:
    """Finds the points that no other beats by scoring more at no more cost, or as much at less cost.

    Args:
        points: Each a cost, of which less is better, and a score.
        higher_is_better: Whether more of the score is better, as of accuracy; of loss less is.

    Returns:
        Indices of the front by rising cost. Of equal points all are in it.
    """
    sign = 1.0 if higher_is_better else -1.0
    ordered = sorted(range(len(points)), key=lambda index: (points[index][0], -sign * points[index][1]))
    front: list[int] = []
    for index in ordered:
        if (
            not front
            or sign * points[index][1] > sign * points[front[-1]][1]
            or points[index] == points[front[-1]]
        ):
            front.append(index)
    return front

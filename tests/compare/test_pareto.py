import pytest

from runner.compare.pareto import pareto_front


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 0.5), (2, 0.6), (3, 0.55), (4, 0.7)], [0, 1, 3]),
        ([(4, 0.7), (3, 0.55), (2, 0.6), (1, 0.5)], [3, 2, 0]),
        ([(1, 0.9), (2, 0.8), (3, 0.7)], [0]),
        ([(1, 0.5), (1, 0.6)], [1]),
        ([(1, 0.5), (2, 0.5)], [0]),
        ([(1, 0.5), (1, 0.5), (2, 0.6)], [0, 1, 2]),
        ([(1, 0.5)], [0]),
        ([], []),
    ],
)
def test_what_nothing_beats(points: list[tuple[float, float]], front: list[int]) -> None:
    assert pareto_front(points) == front


def test_of_a_loss_less_is_better() -> None:
    assert pareto_front([(1, 0.5), (2, 0.6), (3, 0.4)], higher_is_better=False) == [0, 2]

import pytest

from runner.compare.spreading import spread


def test_marks_that_stand_apart_stay() -> None:
    assert spread([50.0, 10.0, 90.0], 10.0) == [50.0, 10.0, 90.0]


def test_a_crowd_stands_side_by_side_around_its_middle() -> None:
    # The picture is 56 wide, so marks are 1 apart.
    assert spread([20.0, 20.0, 76.0, 20.0], 0.0) == pytest.approx([19.0, 20.0, 76.0, 21.0])


def test_crowds_that_grow_into_each_other_become_one_in_order() -> None:
    moved = spread([0.0, 56.0, 0.2, 1.0], 0.0)
    assert moved == pytest.approx([-0.6, 56.0, 0.4, 1.4])
    assert sum(moved) == pytest.approx(0.0 + 56.0 + 0.2 + 1.0)


def test_a_crowd_of_a_thousand_stays_in_the_picture() -> None:
    moved = spread([5.0] * 1000, 10.0)
    assert moved == sorted(moved)
    assert max(moved) - min(moved) < 10.0
    assert spread([7.0], 0.0) == [7.0]

import numpy as np
import pytest

from runner.verify.views import View, views


def axes(shape: tuple[int, ...], stored: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [view.axes for view in views(shape, stored)]


def test_the_layouts_of_layers_are_found() -> None:
    assert axes((3, 5), (5, 3)) == [(1, 0)]  # Dense
    assert axes((3, 2, 4, 7), (7, 3, 2, 4)) == [(3, 0, 1, 2)]  # Conv2D
    assert axes((3, 2, 4, 1), (1, 3, 2, 4)) == [(0, 1, 2, 3)]  # DepthwiseConv2D
    assert axes((3, 4, 7), (7, 1, 3, 4)) == [(2, 0, 1)]  # Conv1D
    assert axes((3, 2, 7, 4), (7, 3, 2, 4)) == [(2, 0, 1, 3)]  # Conv2DTranspose
    assert axes((2, 3, 4, 5, 7), (2, 3, 4, 5, 7)) == [(0, 1, 2, 3, 4)]  # Conv3D
    assert axes((11, 4), (11, 4)) == [(0, 1)]  # Embedding
    assert axes((16, 2, 5), (10, 16))[0] == (1, 2, 0)  # MultiHeadAttention query, key, value
    assert axes((2, 5, 16), (16, 10))[0] == (2, 0, 1)  # MultiHeadAttention output


def test_axes_stored_as_one_come_in_their_own_order_first() -> None:
    assert axes((3, 2, 4, 7), (1, 3, 2, 28)) == [(0, 1, 2, 3), (0, 1, 3, 2)]


def test_equal_sides_leave_several_views() -> None:
    assert axes((4, 4), (4, 4)) == [(0, 1), (1, 0)]
    assert axes((3, 3, 2, 5), (5, 3, 3, 2)) == [(3, 0, 1, 2), (3, 1, 0, 2)]


@pytest.mark.parametrize(
    ("shape", "stored"), [((3, 5), (3, 4)), ((4, 6), (3, 8)), ((3, 4, 5), (20, 4)), ((0, 3), (3, 0))]
)
def test_shapes_that_do_not_fit_have_none(shape: tuple[int, ...], stored: tuple[int, ...]) -> None:
    assert views(shape, stored) == ()


def test_axes_of_length_one_count_for_nothing() -> None:
    assert [view.axes for view in views((1, 1, 6, 4), (4, 6))] == [(3, 2, 0, 1)]
    assert [view.axes for view in views((1, 1), (1,))] == [(0, 1)]


def test_there_and_back_again() -> None:
    view = views((2, 3, 4), (12, 2))[0]
    assert view == View((1, 2, 0), (2, 3, 4), (12, 2))
    weight = np.arange(24).reshape(2, 3, 4)
    stored = view.to_file(weight)
    assert stored[:, 0].tolist() == list(range(12))
    np.testing.assert_array_equal(view.to_keras(stored), weight)
    positions = np.array([0, 5, 17, 23])
    assert stored.reshape(-1)[view.places(positions)].tolist() == [0, 5, 17, 23]

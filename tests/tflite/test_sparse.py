import numpy as np
import pytest

from runner.tflite.sparse import Level, block_sizes, densify

NO_BLOCKS = np.zeros(0, int)


def compressed(segments: list[int], indices: list[int]) -> Level:
    return Level(segments=np.array(segments, int), indices=np.array(indices, int))


def test_compressed_rows() -> None:
    # The example of TensorFlow's schema.fbs for the CSR format.
    dense = densify(
        np.array([1.0, 2.0, 3.0]),
        (3, 4),
        order=np.array([0, 1]),
        block_map=NO_BLOCKS,
        levels=[Level(size=3), compressed([0, 1, 1, 3], [2, 0, 3])],
    )
    assert dense.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [2, 0, 0, 3]]


def test_a_traversal_in_another_order_compresses_columns() -> None:
    dense = densify(
        np.array([7, 8], np.int8),
        (2, 3),
        order=np.array([1, 0]),
        block_map=NO_BLOCKS,
        levels=[Level(size=3), compressed([0, 0, 2, 2], [0, 1])],
    )
    assert dense.dtype == np.int8
    assert dense.tolist() == [[0, 7, 0], [0, 8, 0]]


def test_blocks_of_two_inputs() -> None:
    dense = densify(
        np.array([1.0, 2.0, 3.0, 4.0]),
        (2, 4),
        order=np.array([0, 1, 2]),
        block_map=np.array([1]),
        levels=[Level(size=2), compressed([0, 1, 2], [1, 0]), Level(size=2)],
    )
    assert dense.tolist() == [[0, 0, 1, 2], [3, 4, 0, 0]]


def test_blocks_along_both_dimensions() -> None:
    dense = densify(
        np.array([1.0, 2.0, 3.0, 4.0]),
        (4, 4),
        order=np.array([0, 1, 2, 3]),
        block_map=np.array([0, 1]),
        levels=[Level(size=2), compressed([0, 0, 1], [1]), Level(size=2), Level(size=2)],
    )
    assert dense.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 2], [0, 0, 3, 4]]


def test_nothing_stored_is_all_zero() -> None:
    dense = densify(
        np.zeros(0, np.float32),
        (2, 2),
        order=np.array([0, 1]),
        block_map=NO_BLOCKS,
        levels=[Level(size=2), compressed([0, 0, 0], [])],
    )
    assert dense.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("order", "last", "stored", "message"),
    [
        ([0, 0], compressed([0, 1, 2], [0, 1]), 2, "orders"),
        ([0, 1], compressed([0, 1], [0]), 1, "1 segments for 2 rows"),
        ([0, 1], compressed([0, 1, 2], [0, 5]), 2, "points at 0 to 5 along dimension 1, which has 2"),
        ([0, 1], compressed([0, 1, 2], [0, -1]), 2, "points at -1 to 0"),
        ([0, 1], compressed([0, 1, 2], [0, 1]), 3, "places 2 values, its buffer holds 3"),
        ([0, 1], compressed([0, 2, 2], [1, 1]), 2, "places 1 of its 2 values where another lies"),
        ([0, 2], compressed([0, 1, 2], [0, 1]), 2, "orders"),
        ([0, -1], compressed([0, 1, 2], [0, 1]), 2, "orders"),
        ([0, 1], Level(size=3), 6, "dense level of 3 entries of 1 along dimension 1, which has 2"),
        ([0, 1], Level(size=2**31 - 1), 2, "dense level of 2147483647 entries"),
    ],
)
def test_an_encoding_that_contradicts_itself_is_refused(
    order: list[int], last: Level, stored: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        densify(
            np.ones(stored),
            (2, 2),
            order=np.array(order),
            block_map=NO_BLOCKS,
            levels=[Level(size=2), last],
        )


def test_nothing_is_allocated_by_a_number_that_does_not_fit() -> None:
    # Ten thousand million rows: expanded, they would take 160 GB.
    levels = [Level(size=100_000), Level(size=100_000), compressed([0, 1], [0])]
    with pytest.raises(ValueError, match="1 segments for 10000000000 rows"):
        densify(np.ones(1), (10**5, 10**5, 4), order=np.array([0, 1, 2]), block_map=NO_BLOCKS, levels=levels)
    with pytest.raises(ValueError, match="places 10000000000 values, its buffer holds 1"):
        densify(np.ones(1), (10**5, 10**5), order=np.array([0, 1]), block_map=NO_BLOCKS, levels=levels[:2])


def test_a_shape_without_entries_is_refused() -> None:
    for shape in ((2, 0), (2, -1)):
        with pytest.raises(ValueError, match="its shape is"):
            densify(
                np.zeros(0),
                shape,
                order=np.array([0, 1]),
                block_map=NO_BLOCKS,
                levels=[Level(size=2), compressed([0, 0, 0], [])],
            )


def test_the_sizes_of_blocks_are_told_by_dimension() -> None:
    levels = [Level(size=2), compressed([0, 1, 2], [1, 0]), Level(size=4)]
    sizes = block_sizes((2, 8), order=np.array([0, 1, 2]), block_map=np.array([1]), levels=levels)
    assert sizes == (1, 4)
    assert block_sizes((2, 8), order=np.array([0, 1]), block_map=NO_BLOCKS, levels=levels[:2]) == (1, 1)


def test_a_block_wider_than_its_dimension_is_refused() -> None:
    # What TensorFlow's encoder writes for a Dense kernel of 3 inputs: one block of 4.
    with pytest.raises(ValueError, match="points at 0 to 3 along dimension 1, which has 3"):
        densify(
            np.ones(4),
            (1, 3),
            order=np.array([0, 1, 2]),
            block_map=np.array([1]),
            levels=[Level(size=1), compressed([0, 1], [0]), Level(size=4)],
        )


def test_one_dimension_is_not_divided_twice() -> None:
    with pytest.raises(ValueError, match="one dimension twice"):
        densify(
            np.ones(4),
            (1, 4),
            order=np.array([0, 1, 2, 3]),
            block_map=np.array([1, 1]),
            levels=[Level(size=1), compressed([0, 1], [0]), Level(size=2), Level(size=2)],
        )


def test_a_level_validates_itself() -> None:
    with pytest.raises(ValueError, match="dense level of 0 entries"):
        Level(size=0)
    with pytest.raises(ValueError, match="lacks its segments or indices"):
        Level(indices=np.array([0]))
    with pytest.raises(ValueError, match="do not fit its indices"):
        Level(segments=np.array([0, 1]))
    for segments in ([0, 2, 1], [1, 1, 2], [0, 1, 3]):
        with pytest.raises(ValueError, match="do not fit its indices"):
            compressed(segments, [0, 1])


def test_a_block_map_beyond_the_rank_or_compressed_inside_is_refused() -> None:
    with pytest.raises(ValueError, match="blocks along"):
        densify(
            np.ones(2),
            (2, 2),
            order=np.array([0, 1, 2]),
            block_map=np.array([7]),
            levels=[Level(size=2), Level(size=1), Level(size=2)],
        )
    with pytest.raises(ValueError, match="compresses the inside of a block"):
        densify(
            np.ones(2),
            (2, 2),
            order=np.array([0, 1, 2]),
            block_map=np.array([1]),
            levels=[Level(size=2), Level(size=1), compressed([0, 1, 2], [0, 1])],
        )

import numpy as np

from runner.tflite.constant import Encoding, StoredConstant, Use, along
from runner.tflite.decoding import decode, dequantize


def quantized(stored: np.ndarray, scale: list[float], zero_point: list[int], axis: int = 0) -> StoredConstant:
    scales, zero_points = np.array(scale, np.float32), np.array(zero_point, np.int64)
    return StoredConstant(
        subgraph=0,
        index=1,
        name="kernel",
        uses=(Use("CONV_2D", 1), Use("CONV_2D", 1), Use("ADD", 0)),
        shape=stored.shape,
        dtype="int8",
        stored=stored,
        values=dequantize(stored, scales, zero_points, axis),
        scale=scales,
        zero_point=zero_points,
        axis=axis,
    )


def test_a_quantized_number_is_zero_at_its_zero_point_and_nowhere_else() -> None:
    constant = quantized(np.array([[0, 11, 12], [-3, 0, 11]], np.int8), [0.5, 2.0], [11, -3])
    assert constant.zeros.tolist() == [[False, True, False], [True, False, False]]
    assert constant.values.tolist() == [[-5.5, 0.0, 0.5], [0.0, 6.0, 28.0]]
    assert constant.steps().tolist() == [[0.5], [2.0]]


def test_one_zero_point_serves_the_whole_tensor() -> None:
    constant = quantized(np.array([[4, 5]], np.int8), [0.25], [4], axis=1)
    assert constant.zeros.tolist() == [[True, False]]
    assert constant.values.tolist() == [[0.0, 0.25]]


def test_a_product_too_small_for_a_float_is_no_zero() -> None:
    # The smallest float there is: half of it rounds to nothing.
    constant = quantized(np.array([[0, 1]], np.int8), [1e-45], [0])
    assert constant.zeros.tolist() == [[True, False]]


def test_floats_are_zero_where_they_are() -> None:
    stored = np.array([0.0, -0.0, 1e-40, np.nan], np.float32)
    nothing = np.zeros(0)
    constant = StoredConstant((4,), "float32", stored, stored, nothing, nothing, 0, name="k")
    assert constant.zeros.tolist() == [True, True, False, False]


def test_it_introduces_itself_by_its_readers() -> None:
    constant = quantized(np.zeros((1, 2), np.int8), [1.0], [0])
    assert str(constant) == "'kernel' (int8 [1, 2], read by CONV_2D input 1, ADD input 0)"


def test_numbers_per_slice_lie_along_their_axis() -> None:
    assert along(np.array([1, 2, 3]), 1, 3).shape == (1, 3, 1)
    assert along(np.array([7]), 2, 4).shape == (1, 1, 1, 1)


def test_encodings_tell_blocks_from_single_values() -> None:
    assert Encoding((1, 16)).in_blocks
    assert not Encoding((1, 1, 1, 1)).in_blocks


def test_bytes_are_read_as_their_type_says() -> None:
    assert decode(np.array([0x21, 0xF8], np.uint8), "INT4").tolist() == [1, 2, -8, -1]
    assert decode(np.array([0x21, 0xF8], np.uint8), "UINT4").tolist() == [1, 2, 8, 15]
    assert decode(np.array([0b11_10_01_00], np.uint8), "INT2").tolist() == [0, 1, -2, -1]
    assert decode(np.array([0x80, 0x3F, 0x00, 0xC0], np.uint8), "BFLOAT16").tolist() == [1.0, -2.0]
    assert decode(np.array([0x00, 0x3C], np.uint8), "FLOAT16").tolist() == [1.0]
    assert decode(np.array([0xFF, 0x01], np.uint8), "INT8").tolist() == [-1, 1]


def test_integers_beyond_eight_bits_keep_their_differences() -> None:
    stored = np.array([2**31 - 1, -(2**31)], np.int32)
    found = dequantize(stored, np.array([1.0], np.float32), np.array([-(2**31)]), 0)
    assert found.tolist() == [2.0**32, 0.0]

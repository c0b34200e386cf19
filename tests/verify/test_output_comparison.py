import numpy as np
import pytest
import tf_keras

from runner.verify import compare_outputs, rounding_depth

layers = tf_keras.layers
WANTED = np.array([[1.0, -5.0], [0.0, 1.0], [0.0, 3.0]], np.float32)  # Of the size sqrt(36 / 6).
SIZE = 6**0.5
PATH = "m.tflite"


def off(place: tuple[int, int], by: float) -> np.ndarray:
    """Lies off by `by / sqrt(6)`, root mean square."""
    outputs = WANTED.astype(np.float64)
    outputs[place] += by
    return outputs


def test_equal_outputs_agree() -> None:
    assert compare_outputs(WANTED, WANTED, PATH, tolerance=0.0) is None


@pytest.mark.parametrize(("by", "agrees"), [(0.0599, True), (-0.0599, True), (0.0601, False), (-9.0, False)])
def test_the_tolerance_is_a_share_of_the_size_of_the_outputs(by: float, agrees: bool) -> None:
    assert (compare_outputs(WANTED, off((2, 0), by), PATH, tolerance=0.01) is None) == agrees


def test_a_difference_is_told_with_its_size() -> None:
    assert compare_outputs(WANTED, off((0, 1), SIZE), PATH, tolerance=0.1) == (
        "m.tflite: outputs differ from the Keras model's by 1 (root mean square over 3 samples) where 0.245"
        " is allowed: 0.1 x 2.45 (their size)"
    )


def test_a_step_of_an_integer_output_is_allowed_on_top() -> None:
    outputs = off((1, 0), SIZE)
    assert compare_outputs(WANTED, outputs, PATH, tolerance=0.1, step=0.76) is None
    problem = compare_outputs(WANTED, outputs, PATH, tolerance=0.1, step=0.75)
    assert problem is not None
    assert problem.endswith("where 0.995 is allowed: 0.1 x 2.45 (their size) + 0.75 (one step)")


def test_one_clipped_sample_of_many_is_no_broken_graph() -> None:
    wanted = np.tile(WANTED, (11, 1))
    outputs = wanted.copy()
    outputs[0, 1] = -4.0
    assert compare_outputs(wanted, outputs, PATH, tolerance=0.061) is None
    assert compare_outputs(wanted, 0 * wanted, PATH, tolerance=0.5) is not None
    assert compare_outputs(wanted, wanted[::-1], PATH, tolerance=0.5) is not None


def test_nan_outputs_are_named() -> None:
    outputs = off((0, 0), np.nan)
    outputs[1, 1] = np.inf
    assert compare_outputs(WANTED, outputs, PATH, tolerance=9.0) == (
        "m.tflite: 2 of its 6 outputs on 3 samples are NaN or infinite"
    )


def test_outputs_of_another_shape_are_a_problem() -> None:
    assert compare_outputs(WANTED, WANTED[:, :1], PATH, tolerance=9.0) == (
        "m.tflite: gives outputs of the shape (3, 1), the Keras model (3, 2)"
    )


def test_small_outputs_are_compared_with_their_own_size() -> None:
    small = 1e-6 * WANTED
    assert compare_outputs(small, 1.0005 * small, PATH, tolerance=1e-3) is None
    assert compare_outputs(small, 1.01 * small, PATH, tolerance=1e-3) is not None


def test_a_model_of_zeros_agrees_with_zeros_alone() -> None:
    nothing = np.zeros_like(WANTED)
    assert compare_outputs(nothing, nothing, PATH, tolerance=1e-3) is None
    assert compare_outputs(nothing, 1e-3 * WANTED, PATH, tolerance=1e-3) is not None


def test_every_kernel_on_the_way_rounds_and_recurrent_ones_at_every_step() -> None:
    head = layers.Dense(2)
    stack = tf_keras.Sequential
    convolution = [layers.Conv2D(3, 3), layers.BatchNormalization(), layers.Flatten(), head]
    assert rounding_depth(stack([layers.Input((8, 8, 1)), *convolution])) == 2
    assert rounding_depth(stack([layers.Input((7, 3)), layers.LSTM(5), layers.Dense(2)])) == 3 * 7
    both = layers.Bidirectional(layers.LSTM(5))
    assert rounding_depth(stack([layers.Input((7, 3)), both, layers.Dense(2)])) == 5 * 7
    assert rounding_depth(stack([layers.Input((None, 3)), layers.GRU(5)])) > 1_000_000
    assert rounding_depth(stack([layers.Input((4,)), layers.ReLU()])) == 1

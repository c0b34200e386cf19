import numpy as np
import pytest
import tf_keras

from runner.models.input_range import pixel_scaler, range_notes

layers = tf_keras.layers
SHAPE = (8, 8, 3)


def model_with(*first: tf_keras.layers.Layer) -> tf_keras.Model:
    return tf_keras.Sequential(
        [layers.Input(SHAPE), *first, layers.Conv2D(2, 3), layers.Rescaling(1 / 255, name="late")]
    )


def images(scale: float, shape: tuple[int, ...] = (2, *SHAPE)) -> np.ndarray:
    return np.linspace(0, scale, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def normalization(mean: float, variance: float) -> tf_keras.layers.Layer:
    return layers.Normalization(mean=mean, variance=variance, name="own")


def adapted(scale: float) -> tf_keras.layers.Layer:
    layer = layers.Normalization(name="own")
    layer.adapt(images(scale))
    return layer


@pytest.mark.parametrize(
    ("first", "name"),
    [
        ([layers.Rescaling(1 / 255, name="own")], "own"),
        ([layers.Reshape(SHAPE), layers.Rescaling(1 / 127.5, offset=-1, name="own")], "own"),
        ([tf_keras.Sequential([layers.Rescaling([1 / 255] * 3, name="own")])], "own"),
        ([normalization(120.0, 60.0**2)], "own"),
        ([adapted(255.0)], "own"),
        ([adapted(1.0)], None),
        ([normalization(0.0, 1.0)], None),
        ([layers.Rescaling(2.0, offset=-1)], None),
        ([layers.Rescaling(0.0)], None),
        ([], None),
    ],
)
def test_what_scales_pixels_stands_before_the_first_weights(
    first: list[tf_keras.layers.Layer], name: str | None
) -> None:
    assert pixel_scaler(model_with(*first)) == name


def test_inputs_scaled_twice_are_told_with_the_ways_out() -> None:
    scaling = model_with(layers.Rescaling(1 / 255, name="own"))
    assert range_notes(scaling, images(1.0)) == (
        "the inputs are numbers from 0 to 1, but the model's layer 'own' is made for pixels of 0 to 255 and"
        " scales them a second time: uint8 images are divided by 255 when they are read. Save the images as"
        " float32 from 0 to 255, which stay as they are, or build the model without that layer.",
    )
    assert range_notes(scaling, images(-1.0)) == ()
    assert range_notes(scaling, 0 * images(1.0)) == ()


def test_unscaled_images_are_right_for_a_model_that_scales_them() -> None:
    assert range_notes(model_with(layers.Rescaling(1 / 255)), images(255.0)) == ()


@pytest.mark.parametrize(
    ("scale", "shape", "warned"),
    [
        (255.0, (4, 5, 5, 1), True),
        (200.0, (4, 5, 5, 3), True),
        (1.0, (4, 5, 5, 1), False),
        (-255.0, (4, 5, 5, 1), False),
        (1000.0, (4, 5, 5, 1), False),
        (255.0, (4, 5, 5, 7), False),
        (255.0, (4, 5), False),
    ],
)
def test_float_images_from_0_to_255_are_warned_of(scale: float, shape: tuple[int, ...], warned: bool) -> None:
    notes = range_notes(model_with(), images(scale, shape))
    assert bool(notes) is warned
    if warned:
        assert notes[0].startswith(f"the images are numbers from 0 to {scale:g}, and models are given them")

import numpy as np
import pytest
import tf_keras

from runner.process.errors import UserError
from runner.recipe.recipe import Augmentation
from runner.training.augmentation import RandomFlip, RandomShift, augmentation_layers, check_augmentation

ODD = np.arange(1, 13, dtype=np.float32).reshape(1, 3, 4, 1)
"""One image of 3x4 pixels in which no two are alike and none is zero."""


def many(layer: tf_keras.layers.Layer, count: int = 500, seed: int = 1) -> np.ndarray:
    images: np.ndarray = layer(np.repeat(ODD, count, axis=0), seed=[seed, 2]).numpy()
    return images[..., 0]


def moved(down: int, right: int) -> np.ndarray:
    image = np.zeros((3, 4), np.float32)
    old = ODD[0, :, :, 0]
    image[max(down, 0) : 3 + min(down, 0), max(right, 0) : 4 + min(right, 0)] = old[
        max(-down, 0) : 3 - max(down, 0), max(-right, 0) : 4 - max(right, 0)
    ]
    return image


def test_a_shift_moves_by_whole_pixels_and_leaves_zeros_behind() -> None:
    np.testing.assert_array_equal(moved(1, -2), [[0, 0, 0, 0], [3, 4, 0, 0], [7, 8, 0, 0]])

    drawn = many(RandomShift(2))

    possible = {moved(down, right).tobytes() for down in range(-2, 3) for right in range(-2, 3)}
    # Each of the 25 is drawn, and nothing else.
    assert {image.tobytes() for image in drawn} == possible
    stayed = sum(np.array_equal(image, moved(0, 0)) for image in drawn)
    assert 8 <= stayed <= 36


def test_a_flip_mirrors_half_of_the_images_left_to_right() -> None:
    drawn = many(RandomFlip())

    mirrored = [np.array_equal(image, ODD[0, :, ::-1, 0]) for image in drawn]
    assert 200 < sum(mirrored) < 300
    for image, is_mirrored in zip(drawn, mirrored, strict=True):
        assert is_mirrored or np.array_equal(image, ODD[0, :, :, 0])


@pytest.mark.parametrize("layer", [RandomShift(2), RandomFlip()])
def test_the_seed_decides(layer: tf_keras.layers.Layer) -> None:
    np.testing.assert_array_equal(many(layer), many(layer))
    assert not np.array_equal(many(layer), many(layer, seed=3))


def test_channels_stay_together() -> None:
    images = np.stack([ODD[..., 0], -ODD[..., 0]], axis=-1).repeat(50, axis=0)
    for layer in augmentation_layers(Augmentation(1, True)):
        images = layer(images, seed=[1, 2]).numpy()

    assert images.dtype == np.float32
    np.testing.assert_array_equal(images[..., 0], -images[..., 1])


@pytest.mark.parametrize(
    ("written", "names"),
    [
        (Augmentation(), []),
        (Augmentation(shift=3), ["shift"]),
        (Augmentation(flip=True), ["flip"]),
        (Augmentation(3, True), ["shift", "flip"]),
    ],
)
def test_the_layers_are_what_the_recipe_says(written: Augmentation, names: list[str]) -> None:
    layers = augmentation_layers(written)

    assert [layer.name for layer in layers] == names
    assert [type(layer).from_config(layer.get_config()).get_config() for layer in layers] == [
        layer.get_config() for layer in layers
    ]
    assert [weight for layer in layers for weight in layer.weights] == []


@pytest.mark.parametrize(
    ("written", "shape", "told"),
    [
        (
            Augmentation(2),
            (20,),
            ": only images, [height, width, channels], can be augmented, but one input of",
        ),
        (Augmentation(flip=True), (28, 28), ": only images, [height, width, channels], can be augmented"),
        (
            Augmentation(8),
            (8, 28, 1),
            ".shift is 8 pixels, but the images have 8x28: some would be moved out",
        ),
    ],
)
def test_data_that_cannot_be_augmented_is_refused(
    written: Augmentation, shape: tuple[int, ...], told: str
) -> None:
    with pytest.raises(UserError) as refused:
        check_augmentation(written, shape)

    assert str(refused.value).startswith(f"recipe.training.augmentation{told}")


def test_targets_that_would_have_to_be_moved_too_are_refused() -> None:
    with pytest.raises(
        UserError, match=r"the targets of this data have the shape \(4, 32, 16\), and would not"
    ):
        check_augmentation(Augmentation(1), (4, 128, 2), (4, 32, 16))
    check_augmentation(Augmentation(1), (4, 128, 2), (3,))
    check_augmentation(None, (4, 128, 2), (4, 32, 16))


@pytest.mark.parametrize("written", [None, Augmentation(), Augmentation(7, True)])
def test_what_can_be_augmented_or_is_left_alone_is_no_error(written: Augmentation | None) -> None:
    check_augmentation(written, (8, 8, 3))
    if written is None or not written.changes:
        check_augmentation(written, (20,))

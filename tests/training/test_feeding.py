from typing import Any

import numpy as np
import tensorflow as tf

from runner.recipe.recipe import Augmentation, Training
from runner.training import make_deterministic
from runner.training.augmentation import RandomFlip, RandomShift
from runner.training.feeding import augmented_batches, training_feed

LABELS = np.arange(10)
IMAGES = np.random.default_rng(0).random((10, 6, 6, 1)).astype(np.float32)


def batches(*layers: Any, epochs: int = 3, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray]]:
    made = augmented_batches(IMAGES, LABELS, layers, batch_size=4, epochs=epochs, seed=seed)
    return [(x.numpy(), y.numpy()) for x, y in made]


def test_without_an_augmentation_keras_gets_the_arrays_themselves() -> None:
    for none in (None, Augmentation()):
        before = np.random.get_state(legacy=False)["state"]["pos"]
        feed = training_feed(IMAGES, LABELS, Training(3, 4, augmentation=none))

        assert feed.pop("x") is IMAGES
        assert feed.pop("y") is LABELS
        assert feed == {"batch_size": 4, "epochs": 3}
        # Nothing is drawn, so that what is drawn later is as it always was.
        assert np.random.get_state(legacy=False)["state"]["pos"] == before


def test_with_one_it_gets_batches() -> None:
    make_deterministic(5)
    feed = training_feed(IMAGES, LABELS, Training(3, 4, augmentation=Augmentation(2, True)))

    batches = feed.pop("x")
    assert feed == {"epochs": 3, "steps_per_epoch": 3}
    assert isinstance(batches, tf.data.Dataset)
    assert batches.element_spec == (
        tf.TensorSpec([None, 6, 6, 1], tf.float32),
        tf.TensorSpec([None], tf.int64),
    )
    assert len(list(batches)) == 9


def test_every_epoch_gives_each_sample_once_in_another_order() -> None:
    drawn = batches()

    assert [len(labels) for _, labels in drawn] == [4, 4, 2] * 3
    orders = [np.concatenate([labels for _, labels in drawn[at : at + 3]]).tolist() for at in (0, 3, 6)]
    assert [sorted(order) for order in orders] == [list(range(10))] * 3
    assert len({tuple(order) for order in [*orders, list(range(10))]}) == 4
    for images, labels in drawn:
        np.testing.assert_array_equal(images, IMAGES[labels])


def test_an_image_is_changed_anew_each_time_and_keeps_its_label() -> None:
    drawn = batches(RandomShift(1), epochs=40)

    seen: dict[int, set[bytes]] = {}
    for images, labels in drawn:
        for image, label in zip(images, labels, strict=True):
            seen.setdefault(int(label), set()).add(image.tobytes())
    for label, versions in seen.items():
        padded = np.pad(IMAGES[label], ((1, 1), (1, 1), (0, 0)))
        crops = {
            padded[row : row + 6, column : column + 6].tobytes() for row in range(3) for column in range(3)
        }
        assert versions <= crops
        assert len(versions) >= 7


def test_each_layer_draws_for_itself() -> None:
    # Two flips that drew the same would take each other back.
    flipped = [
        not np.array_equal(image, IMAGES[label])
        for images, labels in batches(RandomFlip(name="a"), RandomFlip(name="b"), epochs=20)
        for image, label in zip(images, labels, strict=True)
    ]

    assert 60 < sum(flipped) < 140


def test_the_seed_decides_everything() -> None:
    layers = (RandomShift(2), RandomFlip())
    first, again, other = batches(*layers), batches(*layers), batches(*layers, seed=2)

    for (x, y), (x_again, y_again) in zip(first, again, strict=True):
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
    assert not all(np.array_equal(y, y_other) for (_, y), (_, y_other) in zip(first, other, strict=True))


def test_the_runs_seed_is_the_one_of_the_batches() -> None:
    def first(seed: int) -> np.ndarray:
        make_deterministic(seed)
        feed = training_feed(IMAGES, LABELS, Training(1, 10, augmentation=Augmentation(2)))
        x, _ = next(iter(feed["x"]))
        drawn: np.ndarray = x.numpy()
        return drawn

    np.testing.assert_array_equal(first(3), first(3))
    assert not np.array_equal(first(3), first(4))

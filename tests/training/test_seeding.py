import random
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorflow.python.framework.config import disable_op_determinism, enable_op_determinism

from runner.training import make_deterministic, reseed


def draw() -> list[float]:
    """A number of each kind of randomness, and the first weight of a model."""
    model = tf_keras.Sequential([tf_keras.layers.Input((2,)), tf_keras.layers.Dense(3)])
    return [
        random.random(),
        float(np.random.random()),
        float(tf.random.uniform([])),
        float(model.get_weights()[0][0, 0]),
    ]


@pytest.fixture
def any_order() -> Iterator[None]:
    """TensorFlow's determinism is the process's; the switch back is not public."""
    disable_op_determinism()
    yield
    enable_op_determinism()


def test_a_seed_decides_every_kind_of_randomness() -> None:
    make_deterministic(7)
    first = draw()
    make_deterministic(7)
    again = draw()
    make_deterministic(8)
    other = draw()

    assert again == first
    assert all(one != another for one, another in zip(first, other, strict=True))


def test_what_was_built_before_has_no_influence() -> None:
    make_deterministic(7)
    alone, name = draw(), tf_keras.layers.Dense(2).name

    for _ in range(3):
        draw()
    make_deterministic(7)

    assert draw() == alone
    assert tf_keras.layers.Dense(2).name == name == "dense_1"


def test_reseeding_forgets_what_was_drawn_but_no_names() -> None:
    make_deterministic(7)
    first, name = draw(), tf_keras.layers.Dense(2).name

    reseed(7)

    assert draw() == first
    assert (name, tf_keras.layers.Dense(2).name) == ("dense_1", "dense_3")


def test_the_largest_seed_is_taken() -> None:
    make_deterministic(2**32 - 1)
    first = draw()
    make_deterministic(0)

    assert draw() != first


@pytest.mark.usefixtures("any_order")
def test_ops_must_be_deterministic() -> None:
    tf.random.Generator.from_non_deterministic_state()

    make_deterministic(7)

    with pytest.raises(RuntimeError, match="determinis"):
        tf.random.Generator.from_non_deterministic_state()

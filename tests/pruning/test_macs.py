"""Counts are worked out by hand, or published."""

from typing import Any

import numpy as np
import pytest
import tf_keras
from tf_keras import layers

from runner.models import resnet  # noqa: F401 - registers the models
from runner.models.builder import MODELS
from runner.pruning import ConstantSparsity, prune_low_magnitude
from runner.pruning.macs import Macs, UncountableError, count_macs, macs_or_reason


def total(shape: tuple[int | None, ...], *stack: Any) -> int:
    return count_macs(tf_keras.Sequential([layers.Input(shape), *stack])).total


@pytest.mark.parametrize(
    ("shape", "layer", "macs"),
    [
        ((5,), layers.Dense(3), 5 * 3),
        ((4, 5), layers.Dense(3), 4 * 5 * 3),
        ((8, 2), layers.Conv1D(5, 3), 6 * 3 * 2 * 5),
        ((8, 8, 2), layers.Conv2D(5, 3, padding="same"), 8 * 8 * 9 * 2 * 5),
        ((8, 8, 2), layers.Conv2D(5, 3, strides=2, padding="same"), 4 * 4 * 9 * 2 * 5),
        ((8, 8, 4), layers.Conv2D(6, 3, groups=2), 6 * 6 * 9 * 2 * 6),
        ((4, 4, 4, 2), layers.Conv3D(5, 2), 3**3 * 8 * 2 * 5),
        ((4, 4, 2), layers.Conv2DTranspose(5, 3, strides=2), 4 * 4 * 9 * 5 * 2),
        ((8, 8, 2), layers.DepthwiseConv2D(3, depth_multiplier=3), 6 * 6 * 9 * 2 * 3),
        ((8, 2), layers.DepthwiseConv1D(3), 6 * 3 * 2),
        ((8, 8, 2), layers.SeparableConv2D(5, 3), 6 * 6 * (9 * 2 + 2 * 5)),
        ((4, 6), layers.EinsumDense("abc,cd->abd", (4, 7)), 4 * 6 * 7),
        ((4, 6), layers.EinsumDense("...c,cd->...d", 7), 4 * 6 * 7),
        ((4, 6, 2), layers.EinsumDense("ab...,bd->ad...", 7), 4 * 6 * 2 * 7),
        ((4, 6, 2), layers.EinsumDense("abcd,cde->abe", (4, 7)), 4 * 6 * 2 * 7),
        ((9, 3), layers.SimpleRNN(2), 9 * (3 * 2 + 2 * 2)),
        ((9, 3), layers.LSTM(2), 9 * 4 * (3 * 2 + 2 * 2)),
        ((9, 3), layers.Bidirectional(layers.GRU(2)), 2 * 9 * 3 * (3 * 2 + 2 * 2)),
        ((9, 3), layers.RNN([layers.LSTMCell(2), layers.GRUCell(5)]), 9 * (4 * 2 * 5 + 3 * 5 * 7)),
        ((9, 8, 8, 2), layers.TimeDistributed(layers.Conv2D(5, 3)), 9 * 6 * 6 * 9 * 2 * 5),
        ((8, 8, 2), layers.BatchNormalization(), 0),
        ((8,), layers.Embedding(10, 4), 0),
        ((8, 8, 2), layers.MaxPooling2D(), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, layers.Layer) else None,
)
def test_one_layer(shape: tuple[int, ...], layer: Any, macs: int) -> None:
    assert total(shape, layer) == macs


def test_channels_first_names_other_axes_as_positions() -> None:
    layer = layers.Conv2DTranspose(5, 3, data_format="channels_first")
    assert total((2, 8, 6), layer) == 8 * 6 * 9 * 5 * 2


def test_attention_counts_its_projections_and_both_products() -> None:
    query, value = layers.Input((5, 6)), layers.Input((7, 4))
    out = layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=8)(query, value)
    projections = 5 * 6 * 2 * 3 + 7 * 4 * 2 * 3 + 7 * 4 * 2 * 8 + 5 * 2 * 8 * 6
    assert count_macs(tf_keras.Model([query, value], out)).total == projections + 2 * 5 * 7 * (3 + 8)


def test_an_attention_layer_that_is_shared_counts_each_call_at_its_own_length() -> None:
    short, long = layers.Input((6, 8)), layers.Input((12, 8))
    shared = layers.MultiHeadAttention(num_heads=2, key_dim=4)
    model = tf_keras.Model([short, long], [shared(short, short), shared(query=long, value=short)])
    # Four projections of 8 x 8 weights, and twice 2 heads of 4 at each pair of places.
    at_six = 6 * 4 * 64 + 6 * 6 * 2 * 8
    assert count_macs(model).total == at_six + (12 * 2 * 64 + 6 * 2 * 64 + 12 * 6 * 2 * 8)


@pytest.mark.parametrize(("arguments", "size"), [({}, 8 + 5), ({"use_scale": True}, 8 + 5)])
def test_dot_product_attention_counts_both_products(arguments: dict[str, Any], size: int) -> None:
    query, value, key = layers.Input((6, 8)), layers.Input((12, 5)), layers.Input((12, 8))
    model = tf_keras.Model([query, value, key], layers.Attention(**arguments)([query, value, key]))
    assert count_macs(model).total == 6 * 12 * size


def test_zeros_count_as_stored_weights_and_not_as_nonzero_ones() -> None:
    model = tf_keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten()])
    kernel = np.ones((3, 3, 1, 4))
    kernel[0] = 0.0
    model.layers[0].set_weights([kernel, np.zeros(4)])
    assert count_macs(model) == Macs(36 * 36, 36 * 24)


def test_a_layer_counts_as_often_as_it_is_used_and_nested_models_are_opened() -> None:
    shared = layers.Dense(4)
    inner = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3, name="inner")])
    x = layers.Input((4,))
    model = tf_keras.Model(x, inner(shared(shared(x))))
    assert count_macs(model).total == 2 * 16 + 12


def test_a_wrapped_model_counts_as_the_bare_one() -> None:
    model = tf_keras.Sequential([layers.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.Flatten()])
    wrapped = prune_low_magnitude(model, ConstantSparsity(0.5, begin_step=0))
    assert count_macs(wrapped) == count_macs(model)


@pytest.mark.parametrize(
    ("name", "millions"), [("resnet20", 40.55), ("resnet56", 125.5)], ids=["resnet20", "resnet56"]
)
def test_residual_networks_take_what_is_published(name: str, millions: float) -> None:
    # fvcore and the tables of the pruning papers: 40.6 (41) and 125.5 (126, 127 with projections) million.
    model = MODELS.get(name, where="test")(input_shape=(32, 32, 3), num_classes=10)
    assert count_macs(model).total / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize(("name", "millions"), [("MobileNet", 569), ("MobileNetV2", 300)])
def test_mobile_networks_take_what_their_papers_say(name: str, millions: float) -> None:
    model = getattr(tf_keras.applications, name)(weights=None)
    assert count_macs(model).total / 1e6 == pytest.approx(millions, abs=1)


def test_open_lengths_are_those_of_the_sample() -> None:
    model = tf_keras.Sequential([layers.Input((None, 8, 2)), layers.Conv2D(3, 1), layers.Conv2D(4, 1)])
    model.layers[1].set_weights([np.zeros((1, 1, 3, 4)), np.zeros(4)])
    assert count_macs(model, input_shape=(5, 8, 2)) == Macs(40 * (6 + 12), 40 * 6)
    with pytest.raises(UncountableError, match="no fixed length"):
        count_macs(model)


class Twice(layers.Layer):
    """Does with its weight what nobody knows."""

    def build(self, shape: Any) -> None:
        self.weight = self.add_weight(shape=shape[-1:])
        super().build(shape)

    def call(self, x: Any) -> Any:
        return x * self.weight


@pytest.mark.parametrize(
    ("shape", "layer", "why"),
    [
        ((4,), Twice(name="twice"), "twice is a Twice, of which the multiplications are not known"),
        ((None, 3), layers.LSTM(2, name="long"), "long has an axis of no fixed length"),
        ((4, 8, 8, 1), layers.ConvLSTM2D(2, 3, name="both"), "both .* not known"),
    ],
)
def test_what_cannot_be_counted_is_named(shape: tuple[int | None, ...], layer: Any, why: str) -> None:
    with pytest.raises(UncountableError, match=why):
        total(shape, layer)


def test_the_reason_is_told_where_a_count_is_not_needed() -> None:
    model = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3), Twice(name="twice")])
    none, reason = macs_or_reason(model, (4,))
    assert none is None
    assert reason == "layer twice is a Twice, of which the multiplications are not known"
    known = tf_keras.Sequential([layers.Input((4,)), layers.Dense(3)])
    assert macs_or_reason(known, (4,)) == (Macs(12, 12), "")

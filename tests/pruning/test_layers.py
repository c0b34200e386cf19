"""Every layer that can be pruned: its weights are found, reach their target, and stay right when stripped."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning import ConstantSparsity, UpdatePruningStep, prune_low_magnitude, strip_pruning
from runner.pruning.masks import is_m_by_n
from runner.pruning.prunable import is_prunable
from runner.pruning.wrapper import wrappers

IMAGE, SEQUENCE, VOLUME = (8, 8, 4), (6, 4), (3, 4, 4, 2)

CASES: dict[str, tuple[Any, tuple[int, ...], dict[str, tuple[int, ...]]]] = {
    "Dense": (lambda: layers.Dense(5), (8,), {"kernel": (8, 5)}),
    "Conv1D": (lambda: layers.Conv1D(5, 3), SEQUENCE, {"kernel": (3, 4, 5)}),
    "Conv2D": (lambda: layers.Conv2D(5, 3), IMAGE, {"kernel": (3, 3, 4, 5)}),
    "Conv3D": (lambda: layers.Conv3D(3, 2), VOLUME, {"kernel": (2, 2, 2, 2, 3)}),
    "Conv1DTranspose": (lambda: layers.Conv1DTranspose(6, 3), SEQUENCE, {"kernel": (3, 4, 6)}),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(6, 3), IMAGE, {"kernel": (3, 3, 4, 6)}),
    "Conv3DTranspose": (lambda: layers.Conv3DTranspose(3, 2), VOLUME, {"kernel": (2, 2, 2, 2, 3)}),
    "DepthwiseConv1D": (lambda: layers.DepthwiseConv1D(3), SEQUENCE, {"depthwise_kernel": (3, 1, 4)}),
    "DepthwiseConv2D": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
        IMAGE,
        {"depthwise_kernel": (3, 3, 1, 8)},
    ),
    "SeparableConv1D": (
        lambda: layers.SeparableConv1D(5, 3),
        SEQUENCE,
        {"depthwise_kernel": (3, 1, 4), "pointwise_kernel": (1, 4, 5)},
    ),
    "SeparableConv2D": (
        lambda: layers.SeparableConv2D(5, 3),
        IMAGE,
        {"depthwise_kernel": (3, 3, 1, 4), "pointwise_kernel": (1, 1, 4, 5)},
    ),
    "LocallyConnected1D": (lambda: layers.LocallyConnected1D(3, 2), SEQUENCE, {"kernel": (5, 8, 3)}),
    "EinsumDense": (
        lambda: layers.EinsumDense("abc,cde->abde", output_shape=(None, 3, 2)),
        SEQUENCE,
        {"kernel": (4, 6)},
    ),
    "SimpleRNN": (lambda: layers.SimpleRNN(4), SEQUENCE, {"kernel": (4, 4), "recurrent_kernel": (4, 4)}),
    "LSTM": (lambda: layers.LSTM(5), SEQUENCE, {"kernel": (4, 20), "recurrent_kernel": (5, 20)}),
    "GRU": (lambda: layers.GRU(4), SEQUENCE, {"kernel": (4, 12), "recurrent_kernel": (4, 12)}),
    "ConvLSTM2D": (
        lambda: layers.ConvLSTM2D(3, 2),
        VOLUME,
        {"kernel": (2, 2, 2, 12), "recurrent_kernel": (2, 2, 3, 12)},
    ),
    "StackedRNNCells": (
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)]),
        SEQUENCE,
        {
            "cell_0_kernel": (4, 12),
            "cell_0_recurrent_kernel": (3, 12),
            "cell_1_kernel": (3, 12),
            "cell_1_recurrent_kernel": (4, 12),
        },
    ),
    "Bidirectional": (
        lambda: layers.Bidirectional(layers.LSTM(5)),
        SEQUENCE,
        {
            "forward_kernel": (4, 20),
            "forward_recurrent_kernel": (5, 20),
            "backward_kernel": (4, 20),
            "backward_recurrent_kernel": (5, 20),
        },
    ),
    "TimeDistributed": (lambda: layers.TimeDistributed(layers.Dense(5)), SEQUENCE, {"kernel": (4, 5)}),
}


def trained(model: tf_keras.Model, x: Any, **wrap: Any) -> tf_keras.Model:
    pruned = prune_low_magnitude(model, ConstantSparsity(0.5, 0, frequency=2), **wrap)
    pruned.compile("adam", "mse")
    y = np.random.default_rng(1).normal(
        size=(len(x[0] if isinstance(x, list) else x), *pruned.output_shape[1:])
    )
    pruned.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[UpdatePruningStep()])
    return pruned


def half(shape: tuple[int, ...]) -> int:
    size = int(np.prod(shape))
    return size - max(round(size * 0.5), 1)


@pytest.mark.parametrize("name", CASES)
def test_each_layer_reaches_half_and_strips_to_the_same_outputs(name: str) -> None:
    build, shape, expected = CASES[name]
    x = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    model = tf_keras.Sequential(
        [layers.Input(shape), build(), layers.Flatten(), layers.Dense(2, name="head")]
    )
    pruned = trained(model, x)
    found = wrappers(pruned)[0].masked_weights
    assert {masked.name: masked.weight.kernel_shape for masked in found} == expected
    for masked in found:
        values = masked.weight.variable.numpy()
        assert np.count_nonzero(values == 0) == half(values.shape)
    stripped = strip_pruning(pruned)
    np.testing.assert_array_equal(stripped.predict(x, verbose=0), pruned.predict(x, verbose=0))
    assert len(stripped.weights) == len(model.weights)


@pytest.mark.parametrize(
    "name", ["Conv2DTranspose", "DepthwiseConv2D", "Bidirectional", "EinsumDense", "Conv1D"]
)
def test_m_by_n_runs_along_the_inputs_of_every_layout(name: str) -> None:
    build, shape, _ = CASES[name]
    x = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    model = tf_keras.Sequential(
        [layers.Input(shape), build(), layers.Flatten(), layers.Dense(2, name="head")]
    )
    for masked in wrappers(trained(model, x, sparsity_m_by_n=(2, 4)))[0].masked_weights:
        kernel = masked.weight.layout.kernel(masked.weight.variable.numpy())
        assert is_m_by_n(kernel, 2, 4)
        assert not is_m_by_n(kernel, 3, 4)


def test_multi_head_attention_makes_its_weights_when_called() -> None:
    inputs = layers.Input(SEQUENCE)
    attended = layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs)
    model = tf_keras.Model(inputs, layers.Dense(2)(attended))
    x = np.random.default_rng(0).normal(size=(16, *SEQUENCE)).astype(np.float32)
    pruned = trained(model, x)
    shapes = {masked.name: masked.weight.kernel_shape for masked in wrappers(pruned)[0].masked_weights}
    assert shapes == {
        "query_kernel": (4, 6),
        "key_kernel": (4, 6),
        "value_kernel": (4, 6),
        "output_kernel": (6, 4),
    }
    stripped = strip_pruning(pruned)
    kernel = stripped.get_layer("attention")._query_dense.kernel.numpy()
    assert np.count_nonzero(kernel == 0) == 12
    np.testing.assert_array_equal(stripped.predict(x, verbose=0), pruned.predict(x, verbose=0))


def test_an_embedding_keeps_its_sequence_mask() -> None:
    inputs = layers.Input((6,))
    embedded = layers.Embedding(20, 8, mask_zero=True, name="words")(inputs)
    model = tf_keras.Model(inputs, layers.Dense(2)(layers.LSTM(4)(embedded)))
    words = np.random.default_rng(0).integers(1, 20, (16, 6))
    padded = words.copy()
    padded[:, 3:] = 0
    pruned = trained(model, words)
    assert np.count_nonzero(strip_pruning(pruned).get_layer("words").embeddings.numpy() == 0) == 80
    short = pruned.predict(padded, verbose=0)
    changed = padded.copy()
    embeddings = pruned.get_layer("prune_low_magnitude_words").layer.embeddings
    embeddings.assign(tf.tensor_scatter_nd_update(embeddings, [[0]], [tf.fill([8], 9.0)]))
    np.testing.assert_array_equal(pruned.predict(changed, verbose=0), short)  # What is masked has no say.


class Own(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.matrix = self.add_weight("matrix", (input_shape[-1], 4))
        self.other = self.add_weight("other", (4, 4))

    def call(self, inputs: Any) -> Any:
        return inputs @ self.matrix @ self.other

    def get_prunable_weights(self) -> list[Any]:
        return [self.matrix]


def test_a_layer_of_the_user_names_its_weights() -> None:
    x = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    stripped = strip_pruning(trained(tf_keras.Sequential([layers.Input((8,)), Own(name="own")]), x))
    matrix, other = stripped.get_layer("own").get_weights()
    assert np.count_nonzero(matrix == 0) == 16
    assert np.count_nonzero(other == 0) == 0


class Block(layers.Layer):
    """A custom layer that calls a wrapped one: TFMOT does not find it there."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = prune_low_magnitude(layers.Dense(4, name="inside"), ConstantSparsity(0.5, 0))

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


def test_a_wrapped_layer_inside_a_custom_layer_is_pruned() -> None:
    model = tf_keras.Sequential([layers.Input((8,)), Block(), layers.Dense(2)])
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    model.fit(x, x[:, :2], verbose=0, callbacks=[UpdatePruningStep()])
    [wrapper] = wrappers(model)
    assert np.count_nonzero(wrapper.layer.kernel.numpy() == 0) == 16
    stripped = strip_pruning(model)
    assert wrappers(stripped) == []
    assert wrappers(model) == [wrapper]
    np.testing.assert_array_equal(stripped.layers[0].dense.kernel, wrapper.layer.kernel)


class Subclassed(tf_keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.first = prune_low_magnitude(layers.Dense(6, "relu", name="first"), ConstantSparsity(0.5, 0))
        self.blocks = [prune_low_magnitude(layers.Dense(4, name="second"), ConstantSparsity(0.75, 0))]

    def call(self, inputs: Any) -> Any:
        outputs = self.first(inputs)
        for block in self.blocks:
            outputs = block(outputs)
        return outputs


def test_a_subclassed_model_trains_and_is_stripped_in_place() -> None:
    x = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    model = Subclassed()
    model.compile("adam", "mse")
    model.fit(x, x[:, :4], epochs=2, verbose=0, callbacks=[UpdatePruningStep()])
    outputs = model.predict(x, verbose=0)
    stripped = strip_pruning(model)
    assert stripped is model
    assert wrappers(stripped) == []
    assert [np.count_nonzero(w.numpy() == 0) for w in (stripped.first.kernel, stripped.blocks[0].kernel)] == [
        24,
        18,
    ]
    np.testing.assert_array_equal(stripped.predict(x, verbose=0), outputs)
    assert len(stripped.weights) == 4


def test_what_cannot_be_pruned() -> None:
    for layer in (layers.BatchNormalization(), layers.LayerNormalization(), layers.ReLU(), layers.PReLU()):
        assert not is_prunable(layer)

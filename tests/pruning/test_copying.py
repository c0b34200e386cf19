"""Copies keep what is shared: one copy per layer, over all nested models."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning import ConstantSparsity, UpdatePruningStep, prune_low_magnitude, strip_pruning
from runner.pruning.copying import copy_model
from runner.pruning.wrapper import wrappers

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 4)).astype(np.float32), RNG.normal(size=(16, 4)).astype(np.float32)


def functional(*chain: layers.Layer, name: str) -> tf_keras.Model:
    x = inputs = layers.Input((4,))
    for layer in chain:
        x = layer(x)
    return tf_keras.Model(inputs, x, name=name)


def dense(name: str) -> layers.Layer:
    return layers.Dense(4, "tanh", name=name)


def by_two_nested_models() -> tf_keras.Model:
    shared, x = dense("shared"), layers.Input((4,))
    first, second = (functional(shared, dense(f"own_{name}"), name=name) for name in ("first", "second"))
    return tf_keras.Model(x, layers.Add()([first(x), second(x)]))


def by_a_model_and_a_nested_one() -> tf_keras.Model:
    shared, x = dense("shared"), layers.Input((4,))
    return tf_keras.Model(x, layers.Add()([functional(shared, name="inner")(x), shared(x)]))


def by_sequential_and_functional() -> tf_keras.Model:
    shared, x = dense("shared"), layers.Input((4,))
    sequential = tf_keras.Sequential([layers.Input((4,)), shared, dense("own")], name="sequential")
    return tf_keras.Model(x, layers.Add()([sequential(x), functional(shared, name="inner")(x)]))


def by_a_sequential_that_is_built_late() -> tf_keras.Model:
    shared, x = dense("shared"), layers.Input((4,))
    late = tf_keras.Sequential([shared, dense("own")], name="late")
    return tf_keras.Model(x, shared(late(x)))


def by_models_nested_in_nested_models() -> tf_keras.Model:
    shared, x = dense("shared"), layers.Input((4,))
    deep = functional(functional(shared, name="deepest"), dense("own"), name="deep")
    return tf_keras.Model(x, functional(shared, name="flat")(deep(x)))


def as_a_nested_model_in_two_others() -> tf_keras.Model:
    shared = functional(dense("shared"), dense("second"), name="shared_model")
    return functional(
        functional(shared, dense("own"), name="one"), functional(shared, name="two"), shared, name="outer"
    )


def as_a_nested_model_called_twice() -> tf_keras.Model:
    twice = functional(dense("shared"), name="twice")
    return functional(twice, dense("own"), twice, name="outer")


def by_a_model_and_the_features_of_it() -> tf_keras.Model:
    whole, x = functional(dense("shared"), dense("own"), name="whole"), layers.Input((4,))
    features = tf_keras.Model(whole.input, whole.get_layer("shared").output, name="features")
    return tf_keras.Model(x, layers.Add()([whole(x), features(x)]))


SHARING = [
    by_two_nested_models,
    by_a_model_and_a_nested_one,
    by_sequential_and_functional,
    by_a_sequential_that_is_built_late,
    by_models_nested_in_nested_models,
    as_a_nested_model_in_two_others,
    as_a_nested_model_called_twice,
    by_a_model_and_the_features_of_it,
]


@pytest.mark.parametrize("build", SHARING)
def test_a_shared_layer_stays_one_layer(build: Callable[[], tf_keras.Model]) -> None:
    model = build()
    kernels = len({id(weight) for weight in model.weights if "kernel" in weight.name})
    parameters, expected = model.count_params(), model(X).numpy()

    wrapped = prune_low_magnitude(model, ConstantSparsity(0.5, 0, frequency=1))

    found = wrappers(wrapped)
    assert len(found) == kernels
    assert wrapped.count_params() == parameters + kernels * (16 + 1)  # A mask and a step for each.
    np.testing.assert_array_equal(wrapped(X), expected)
    wrapped.compile("adam", "mse")
    wrapped.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[UpdatePruningStep()])
    assert {int(wrapper.pruning_step.numpy()) for wrapper in found} == {4}
    stripped = strip_pruning(wrapped)
    assert stripped.count_params() == parameters
    assert [np.count_nonzero(w == 0) for w in stripped.get_weights() if w.ndim == 2] == [8] * kernels
    np.testing.assert_allclose(stripped(X), wrapped(X), rtol=1e-6)
    np.testing.assert_array_equal(model(X), expected)


def test_it_trains_as_the_model_itself_does() -> None:
    model = by_a_model_and_a_nested_one()
    copy = copy_model(model, lambda layer: None)
    for each in (model, copy):
        each.compile(tf_keras.optimizers.SGD(0.1), "mse")
        each.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for ours, its in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, its)


def test_wrapping_again_keeps_shared_masks() -> None:
    once = prune_low_magnitude(by_two_nested_models(), ConstantSparsity(0.5, 0), weights=["kernel"])
    wrappers(once)[0].settle(1)
    again = prune_low_magnitude(once)
    assert [each.masked_weights[0].sparsity() for each in wrappers(again)] == [0.5, 0.0, 0.0]
    assert again.count_params() == once.count_params()


@pytest.mark.parametrize("built", [False, True])
def test_a_list_with_a_layer_twice_wraps_it_once(built: bool) -> None:
    shared = layers.Dense(2)
    if built:
        shared.build((None, 2))
    first, second = prune_low_magnitude([shared, shared], ConstantSparsity(0.5, 0))
    assert first is second


@tf_keras.saving.register_keras_serializable("test_copying")
class Transposed(layers.Layer):
    """Holds another layer: no copy by its config can share that layer's kernel."""

    def __init__(self, tied: layers.Layer, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.tied = tied

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs @ tf.transpose(self.tied.kernel)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "tied": tf_keras.saving.serialize_keras_object(self.tied)}

    @classmethod
    def from_config(cls, config: dict[str, object]) -> "Transposed":
        tied = tf_keras.saving.deserialize_keras_object(config.pop("tied"))
        tied.build((None, 4))
        return cls(tied, **config)


@pytest.mark.parametrize("holder", [layers.TimeDistributed, Transposed])
def test_a_layer_that_another_one_holds_is_refused_and_not_copied_twice(
    holder: Callable[..., layers.Layer],
) -> None:
    x, shared = layers.Input((3, 4)), dense("shared")
    model = tf_keras.Model(x, holder(shared, name="holder")(shared(x)), name="tied")
    with pytest.raises(
        ValueError, match=r"layers 'shared' and 'holder' hold one variable, 'shared/kernel:0'; copies"
    ):
        prune_low_magnitude(model)


def a_sequential_model_with_a_layer_twice() -> tf_keras.Model:
    return tf_keras.Sequential([layers.Input((4,)), *[dense("twice")] * 2], name="stack")


def one_in_another_model() -> tf_keras.Model:
    return functional(dense("own"), a_sequential_model_with_a_layer_twice(), name="outer")


@pytest.mark.parametrize("build", [a_sequential_model_with_a_layer_twice, one_in_another_model])
def test_a_sequential_model_that_holds_a_layer_twice_is_refused(build: Callable[[], tf_keras.Model]) -> None:
    told = (
        "'stack' is a Sequential model that holds layer 'twice' twice; its copies and files would use it once"
    )
    with pytest.raises(ValueError, match=told):
        prune_low_magnitude(build())


def test_one_that_is_built_late_is_copied_as_tf_keras_builds_it() -> None:
    model = tf_keras.Sequential([*[dense("twice")] * 2], name="late")
    model.build((None, 4))
    np.testing.assert_array_equal(prune_low_magnitude(model)(X), model(X))


def test_a_sequential_model_that_is_called_twice_is_welcome() -> None:
    stack = tf_keras.Sequential([layers.Input((4,)), dense("first"), dense("second")])
    model = functional(stack, stack, name="outer")
    np.testing.assert_array_equal(prune_low_magnitude(model)(X), model(X))

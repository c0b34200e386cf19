"""Logits or probabilities: what a classifier gives, found by running its head on random numbers."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from runner.errors import UserError

_SCALES = (1.0, 8.0)
"""Of the values that are tried: small ones, which tell little of a limit, and large ones."""
_BATCH, _LENGTH = 16, 4
"""Stand for the sizes that a model leaves open: of a batch, and of other axes."""
_TOLERANCE = {"float16": 1e-2, "bfloat16": 5e-2}
_FINE_TOLERANCE = 1e-3


def gives_probabilities(model: tf_keras.Model) -> bool:
    """Tells whether a model gives probabilities, such as those of a softmax; logits otherwise.

    The output is followed back to the last layers that have weights. What these give before their activation
    can be any number; so random numbers take its place, and what comes after is computed. Hence it does not
    matter how a softmax is written: as a layer, an activation or an operator, before a reshape, or as the
    model's own arithmetic.

    Args:
        model: A Sequential or functional model that is built. Its weights are left as they are.

    Raises:
        UserError: The outputs lie in [0, 1] and do not sum to 1: they are neither. Or a layer of the user's
            own cannot be run on random numbers.
    """
    tried = [_Head(scale).value(model.outputs[0]) for scale in _SCALES]
    outputs = np.concatenate([np.asarray(tf.cast(each, tf.float64)) for each in tried])
    tolerance = _TOLERANCE.get(tried[0].dtype.name, _FINE_TOLERANCE)
    if not np.all((outputs >= -tolerance) & (outputs <= 1 + tolerance)):
        return False
    if np.all(np.abs(outputs.sum(axis=-1) - 1) <= tolerance):
        return True
    raise UserError(
        f"recipe.training.loss: the outputs of model {model.name!r} lie in [0, 1] and do not sum to 1 over"
        " the classes (as those of a sigmoid, or of a softmax over another axis), so they are neither logits"
        " nor probabilities. Let the model end without an activation or in a softmax over its last axis, or"
        " name a loss that fits them."
    )


class _Head:
    """Computes the values of tensors of a model, random numbers standing for those of layers with weights.

    Args:
        scale: Standard deviation of the random numbers.
        inputs: What gives the values of tensors from outside, by their identity: a nested model's inputs.
    """

    def __init__(self, scale: float, inputs: Mapping[int, Callable[[], Any]] | None = None) -> None:
        self._scale, self._inputs = scale, inputs or {}
        self._random = np.random.default_rng(0)
        self._known: dict[int, Any] = {}

    def value(self, tensor: Any) -> Any:
        """Returns one batch of what the tensor may hold."""
        if id(tensor) not in self._known:
            given = self._inputs.get(id(tensor))
            self._known[id(tensor)] = self._computed(tensor) if given is None else given()
        return self._known[id(tensor)]

    def _computed(self, tensor: Any) -> Any:
        layer, node_index, place = tensor._keras_history
        node = layer._inbound_nodes[node_index]
        if node.is_input:
            return self._drawn(tensor)
        if isinstance(layer, tf_keras.Model) and layer._is_graph_network:
            inputs = {
                id(inner): partial(self.value, outer)
                for inner, outer in zip(layer.inputs, node.keras_inputs, strict=True)
            }
            return _Head(self._scale, inputs).value(layer.outputs[place])
        if layer.weights and type(layer).__module__.startswith("tf_keras."):
            activation = _activation(layer)
            drawn = self._drawn(tensor)
            return drawn if activation is None else activation(drawn)
        return self._run(layer, node)[place]

    def _drawn(self, tensor: Any) -> Any:
        rank = range(len(tensor.shape))
        sizes = [tensor.shape[axis] or (_LENGTH if axis else _BATCH) for axis in rank]
        if not tensor.dtype.is_floating:
            return tf.cast(self._random.integers(0, 2, sizes), tensor.dtype)
        return tf.cast(self._random.normal(0.0, self._scale, sizes), tensor.dtype)

    def _run(self, layer: Any, node: Any) -> list[Any]:
        def valued(argument: Any) -> Any:
            return self.value(argument) if hasattr(argument, "_keras_history") else argument

        args, keywords = tf.nest.map_structure(valued, (node.call_args, node.call_kwargs))
        try:
            with _other_weights(layer, self._scale):
                return list(tf.nest.flatten(layer(*args, **keywords)))
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise UserError(
                "recipe.training.loss: whether the model gives logits or probabilities is tried with random"
                f" numbers, and layer {layer.name!r} ({type(layer).__name__}) does not take them:"
                f" {str(error).splitlines()[0]} Let the model end in a layer of tf-keras with weights, such"
                " as Dense, with or without softmax, or name another loss."
            ) from error


def _activation(layer: Any) -> Callable[[Any], Any] | None:
    """Returns what a layer of tf-keras computes last; None where that takes any value."""
    while isinstance(layer, tf_keras.layers.TimeDistributed):
        layer = layer.layer
    if isinstance(layer, tf_keras.layers.RNN | tf_keras.layers.Wrapper):
        return None  # Their activations are not the last thing they do.
    return getattr(layer, "activation", None)


@contextmanager
def _other_weights(layer: Any, scale: float) -> Iterator[None]:
    """Sets a layer's weights to random numbers for a while: zeros, as heads may start with, tell nothing."""
    before, random = layer.get_weights(), np.random.default_rng(1)
    floats = [np.issubdtype(weight.dtype, np.floating) for weight in before]
    layer.set_weights(
        [
            random.normal(0.0, scale / math.sqrt(weight.shape[0] if weight.ndim > 1 else 1), weight.shape)
            if is_float
            else weight
            for weight, is_float in zip(before, floats, strict=True)
        ]
    )
    try:
        yield
    finally:
        layer.set_weights(before)

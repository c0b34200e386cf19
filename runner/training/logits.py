"""Logits or probabilities: what a classifier gives, found by running its head on random numbers."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from runner.process.errors import UserError

_SCALES = (1.0, 8.0)
"""Of the values that are tried: small ones, which tell little of a limit, and large ones."""
_BATCH, _SMALL_BATCH, _LENGTH = 16, 4, 4
"""Stand for the sizes that a model leaves open: of a batch, of one of many classes, and of other axes."""
_MANY_CLASSES = 10_000
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
            own cannot be run on random numbers, or gives NaN or infinite ones of them, which tell nothing.
    """
    output = model.outputs[0]
    batch = _SMALL_BATCH if (output.shape[-1] or 0) > _MANY_CLASSES else _BATCH
    tried = []
    for scale in _SCALES:
        head = _Head(scale, batch)
        tried.append(head.value(output))
        head.check_is_finite(output)
    outputs = np.concatenate([np.asarray(tf.cast(each, tf.float64)) for each in tried])
    tolerance = _TOLERANCE.get(tried[0].dtype.name, _FINE_TOLERANCE)
    if not np.all((outputs >= -tolerance) & (outputs <= 1 + tolerance)):
        return False
    # Shares of the positive numbers, x / (sum + epsilon), are all zero where there is none.
    sums = outputs.sum(axis=-1)[np.any(outputs, axis=-1)]
    if sums.size and np.all(np.abs(sums - 1) <= tolerance):
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
        batch: Rows, where a model leaves their number open.
        inputs: What gives the values of tensors from outside, by their identity: a nested model's inputs.
    """

    def __init__(
        self, scale: float, batch: int, inputs: Mapping[int, Callable[[], Any]] | None = None
    ) -> None:
        self._scale, self._batch, self._inputs = scale, batch, inputs or {}
        self._random = np.random.default_rng(0)
        self._known: dict[int, Any] = {}
        self._layers: dict[int, Any] = {}

    def value(self, tensor: Any) -> Any:
        """Returns one batch of what the tensor may hold."""
        waiting = [tensor]  # A list and no recursion: hundreds of layers may come after the last weights.
        while waiting:
            latest = waiting[-1]
            missing = [each for each in self._needed(latest) if id(each) not in self._known]
            if missing and id(latest) not in self._known:
                waiting += missing
                continue
            waiting.pop()
            if id(latest) not in self._known:
                given = self._inputs.get(id(latest))
                self._known[id(latest)] = self._computed(latest) if given is None else given()
                self._layers[id(latest)] = latest._keras_history.layer
        return self._known[id(tensor)]

    def check_is_finite(self, tensor: Any) -> None:
        """Raises UserError where the tensor's value is not finite, and names the first such layer."""
        if np.all(_is_finite(self.value(tensor))):
            return
        first = next(key for key, value in self._known.items() if not np.all(_is_finite(value)))
        raise _not_taken(self._layers[first], "it gives NaN or infinite numbers.")

    def _needed(self, tensor: Any) -> list[Any]:
        """Lists the tensors whose values a layer is run on; a nested model asks for its inputs itself."""
        layer, node_index, _ = tensor._keras_history
        node = layer._inbound_nodes[node_index]
        if id(tensor) in self._inputs or node.is_input or _is_graph(layer) or _is_drawn(layer):
            return []
        arguments = tf.nest.flatten((node.call_args, node.call_kwargs))
        return [each for each in arguments if hasattr(each, "_keras_history")]

    def _computed(self, tensor: Any) -> Any:
        layer, node_index, place = tensor._keras_history
        node = layer._inbound_nodes[node_index]
        if node.is_input:
            return self._drawn(tensor)
        if _is_graph(layer):
            inputs = {
                id(inner): partial(self.value, outer)
                for inner, outer in zip(layer.inputs, node.keras_inputs, strict=True)
            }
            return _Head(self._scale, self._batch, inputs).value(layer.outputs[place])
        if _is_drawn(layer):
            activation = _activation(layer)
            drawn = self._drawn(tensor)
            return drawn if activation is None else activation(drawn)
        return self._run(layer, node)[place]

    def _drawn(self, tensor: Any) -> Any:
        rank = range(len(tensor.shape))
        sizes = [tensor.shape[axis] or (_LENGTH if axis else self._batch) for axis in rank]
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
            raise _not_taken(layer, str(error).splitlines()[0]) from error


def _not_taken(layer: Any, why: str) -> UserError:
    return UserError(
        "recipe.training.loss: whether the model gives logits or probabilities is tried with random"
        f" numbers, and layer {layer.name!r} ({type(layer).__name__}) does not take them: {why} Let the model"
        " end in a layer of tf-keras with weights, such as Dense, with or without softmax, or name another"
        " loss."
    )


def _is_finite(value: Any) -> Any:
    return np.isfinite(tf.cast(value, tf.float64)) if value.dtype.is_floating else True


def _is_graph(layer: Any) -> bool:
    return isinstance(layer, tf_keras.Model) and bool(layer._is_graph_network)


def _is_drawn(layer: Any) -> bool:
    """Tells whether what a layer gives can be any number, but for its activation: it has weights.

    Not so a layer of the user's own, or one that holds such a layer or a model, as `TimeDistributed` may:
    what that does last is not known, so it is run.
    """
    inside = layer._flatten_layers(include_self=True, recursive=True)
    return bool(layer.weights) and all(
        type(each).__module__.startswith("tf_keras.") and not isinstance(each, tf_keras.Model)
        for each in inside
    )


def _activation(layer: Any) -> Callable[[Any], Any] | None:
    """Returns what a layer of tf-keras computes last; None where that takes any value."""
    while isinstance(layer, tf_keras.layers.TimeDistributed):
        layer = layer.layer
    if isinstance(layer, tf_keras.layers.RNN) and isinstance(layer.cell, tf_keras.layers.SimpleRNNCell):
        return layer.cell.activation
    if isinstance(layer, tf_keras.layers.RNN | tf_keras.layers.Wrapper):
        return None  # Their activations are not the last thing they do.
    return getattr(layer, "activation", None)


@contextmanager
def _other_weights(layer: Any, scale: float) -> Iterator[None]:
    """Replaces a layer's zeros by random numbers for a while: zeros, as heads may start with, tell nothing.

    Weights that are not all zero stay: what a variance or a temperature may be, only the layer knows.
    Zeros that are not trained become positive numbers, as they may be moments.
    """
    random = np.random.default_rng(1)
    trained = {id(variable) for variable in layer.trainable_weights}
    zeros = [each for each in layer.weights if each.dtype.is_floating and not np.any(each.numpy())]
    before = [(variable, variable.numpy()) for variable in layer.weights]  # All: running it may count.
    for variable in zeros:
        fan_in = variable.shape[0] if len(variable.shape) > 1 else 1
        drawn = random.normal(0.0, scale / math.sqrt(fan_in), variable.shape)
        variable.assign(drawn if id(variable) in trained else np.abs(drawn))
    try:
        yield
    finally:
        for variable, value in before:
            variable.assign(value)

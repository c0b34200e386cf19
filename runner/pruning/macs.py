"""Multiply-accumulates: how many multiplications by a weight one inference of a model takes."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning.keras_internals import calls, has_graph, layer_classes
from runner.pruning.wrapper import PruneLowMagnitude

Layer: TypeAlias = layers.Layer
Shape: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates of one inference of one sample.

    Args:
        total: Every stored weight counts, zero or not.
        nonzero: Only weights that are not zero count.
    """

    total: int
    nonzero: int

    def __add__(self, other: "Macs") -> "Macs":
        """Adds what two layers take."""
        return Macs(self.total + other.total, self.nonzero + other.nonzero)


NO_MACS = Macs(0, 0)


class UncountableError(ValueError):
    """A layer has weights, and how often it multiplies by them is not known."""


def count_macs(model: tf_keras.Model, *, input_shape: Sequence[int] | None = None) -> Macs:
    """Counts the multiply-accumulates of one inference of one sample.

    Counted are products with the kernels of dense, convolutional, recurrent and attention layers, each as
    often as its layer is used, and the two products of activations within attention. Not counted are biases,
    normalizations, which inference folds into the kernels, activations, pooling and other layers without
    weights. At padded edges the whole kernel counts: this is how papers count.

    Args:
        model: A built Sequential or functional model; models nested in it and pruning wrappers are
            included.
        input_shape: One sample's, for a model of one input that leaves lengths open; None takes the model's.

    Returns:
        ResNet-20 on 32x32 images takes 41 million, MobileNetV2 on 224x224 images 300 million.

    Raises:
        UncountableError: A layer with weights is of no known kind, an axis that decides the count has no
            fixed length, or the model is neither Sequential nor functional.
    """
    if not has_graph(model):
        raise UncountableError(f"model {model.name} is neither Sequential nor functional, or is not built")
    if input_shape is not None and None in model.input_shape[1:]:
        fixed = tf_keras.models.clone_model(model, layers.Input(tuple(input_shape)))
        fixed.set_weights(model.get_weights())
        return count_macs(fixed)
    each = (_of_call(call.layer, _taken(call), call.output_shapes) for call in calls(model))
    return sum(each, NO_MACS)


def macs_or_reason(model: tf_keras.Model, input_shape: Sequence[int]) -> tuple[Macs | None, str]:
    """Counts multiply-accumulates as `count_macs` does, or says why they cannot be counted.

    Args:
        model: A built model; it may have custom layers.
        input_shape: The shape of one sample.

    Returns:
        The count and an empty string, or `None` and the reason.
    """
    try:
        return count_macs(model, input_shape=input_shape), ""
    except UncountableError as error:
        return None, str(error)


def _taken(call: Any) -> Any:
    """Returns the shapes that one call of a layer takes; of an attention layer by the arguments' names."""
    layer = call.layer.layer if isinstance(call.layer, PruneLowMagnitude) else call.layer
    if not isinstance(layer, layers.MultiHeadAttention):
        return call.input_shapes
    given = inspect.signature(layer.call).bind(*call.call_args, **call.call_kwargs).arguments
    query, value = given["query"], given["value"]
    key = given.get("key")
    return [tuple(one.shape) for one in (query, value, value if key is None else key)]


def _of_call(layer: Layer, taken: Any, given: Any) -> Macs:
    if isinstance(layer, tf_keras.Model):
        return count_macs(layer)
    if isinstance(layer, PruneLowMagnitude):
        return _of_call(layer.layer, taken, given)
    for names, counted in _COUNTED:
        if isinstance(layer, layer_classes(names)):
            return counted(layer, taken, given)
    if layer.weights:
        raise UncountableError(
            f"layer {layer.name} is a {type(layer).__name__}, of which the multiplications are not known"
        )
    return NO_MACS


def _at_outputs(layer: Layer, taken: Shape, given: Shape) -> Macs:
    """Counts every kernel of a dense layer or convolution once for each place of its output."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    kernels = (kernel for name in names if (kernel := getattr(layer, name, None)) is not None)
    return sum((_times(kernel, _positions(layer, given)) for kernel in kernels), NO_MACS)


def _transposed(layer: Layer, taken: Shape, given: Shape) -> Macs:
    # Each input position is multiplied by the whole kernel and added to the outputs that it reaches.
    return _times(layer.kernel, _positions(layer, taken))


def _einsum(layer: layers.EinsumDense, taken: Shape, given: Shape) -> Macs:
    """Counts each kernel weight once for every place along the input's axes that the kernel does not have."""
    inputs, kernel = layer.equation.replace(" ", "").partition("->")[0].split(",")
    before, _, after = inputs.partition("...")
    end = len(taken) - len(after)
    sizes = [size for label, size in zip(before, taken, strict=False) if label not in kernel]
    sizes += taken[len(before) : end]  # What "..." stands for; nothing where it is not there.
    sizes += [size for label, size in zip(after, taken[end:], strict=True) if label not in kernel]
    return _times(layer.kernel, _product(layer, sizes[1:]))  # The first axis is the batch.


def _attention(layer: layers.MultiHeadAttention, taken: Any, given: Any) -> Macs:
    query, value, key = taken
    found = (
        _einsum(layer._query_dense, query, ())
        + _einsum(layer._key_dense, key, ())
        + _einsum(layer._value_dense, value, ())
    )
    heads = (*query[:-1], layer._num_heads, layer._value_dim)
    found += _einsum(layer._output_dense, heads, ())
    attended = [value[axis] for axis in layer._attention_axes]
    products = _product(layer, [*query[1:-1], *attended])
    products *= layer._num_heads * (layer._key_dim + layer._value_dim)
    return found + Macs(products, products)


def _dot_products(layer: layers.Attention, taken: Any, given: Any) -> Macs:
    query, value = taken[:2]
    # Concatenated scores are sums of tanh(query + key), which take no products of activations.
    size = value[-1] + (query[-1] if layer.score_mode == "dot" else 0)
    products = _product(layer, [*query[1:-1], value[-2], size])
    return Macs(products, products)


def _recurrent(layer: layers.RNN, taken: Any, given: Any) -> Macs:
    shape = taken[0] if isinstance(taken, list) else taken
    steps = _product(layer, [shape[0 if layer.time_major else 1]])
    cells = layer.cell.cells if isinstance(layer.cell, layers.StackedRNNCells) else [layer.cell]
    found = NO_MACS
    for cell in cells:
        if not isinstance(cell, layers.SimpleRNNCell | layers.GRUCell | layers.LSTMCell):
            raise UncountableError(
                f"layer {layer.name} has a {type(cell).__name__}, of which the multiplications are not known"
            )
        found += _times(cell.kernel, steps) + _times(cell.recurrent_kernel, steps)
    return found


def _both_ways(layer: layers.Bidirectional, taken: Any, given: Any) -> Macs:
    ways = (layer.forward_layer, layer.backward_layer)
    return sum((_of_call(way, taken, given) for way in ways), NO_MACS)


def _along_time(layer: layers.TimeDistributed, taken: Shape, given: Shape) -> Macs:
    steps = _product(layer, [taken[1]])
    each = _of_call(layer.layer, (taken[0], *taken[2:]), (given[0], *given[2:]))
    return Macs(each.total * steps, each.nonzero * steps)


def _nothing(layer: Layer, taken: Any, given: Any) -> Macs:
    return NO_MACS


def _times(kernel: tf.Variable, uses: int) -> Macs:
    values = kernel.numpy()
    return Macs(values.size * uses, int(np.count_nonzero(values)) * uses)


def _positions(layer: Layer, shape: Shape) -> int:
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    return _product(layer, shape[2:] if channels_first else shape[1:-1])


def _product(layer: Layer, sizes: Sequence[int | None]) -> int:
    if None in sizes:
        raise UncountableError(f"layer {layer.name} has an axis of no fixed length")
    return math.prod(size for size in sizes if size is not None)


Counted: TypeAlias = Callable[[Any, Any, Any], Macs]

# The first that fits counts: Keras's transposed convolutions are convolutions too.
_COUNTED: tuple[tuple[str, Counted], ...] = (
    ("Conv1DTranspose Conv2DTranspose Conv3DTranspose", _transposed),
    (
        "Dense Conv1D Conv2D Conv3D DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
        _at_outputs,
    ),
    ("EinsumDense", _einsum),
    ("MultiHeadAttention", _attention),
    ("Attention", _dot_products),
    ("Bidirectional", _both_ways),
    ("RNN", _recurrent),
    ("TimeDistributed", _along_time),
    ("BatchNormalization LayerNormalization GroupNormalization Normalization Embedding PReLU", _nothing),
)

"""Finds in a Keras model the factors that its converter may multiply into each kernel.

A BatchNormalization after a convolution becomes one factor per output channel of its kernel, one before a
Dense layer a factor per input, a Rescaling a factor for all. The layers next to a kernel are followed in both
directions as long as they only multiply and add; what is not known for certain makes a kernel's factors
unknown, never none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import tf_keras
from tf_keras import activations, layers

from runner.pruning.connections import Connections, connections
from runner.pruning.keras_internals import has_graph, inner_layers, layer_classes
from runner.pruning.prunable import PrunableWeight, prunable_weights
from runner.pruning.wrapper import PruneLowMagnitude
from runner.verify.folding import ONE, Folds

Layer: TypeAlias = tf_keras.layers.Layer
_Edges: TypeAlias = dict[Layer, list[Layer]]


class _Unknown(Exception):
    """A layer may multiply by anything."""


_DEPTHWISE = layer_classes("DepthwiseConv1D DepthwiseConv2D")
_SEPARABLE = layer_classes("SeparableConv1D SeparableConv2D")
_TRANSPOSED = layer_classes("Conv1DTranspose Conv2DTranspose Conv3DTranspose")
_PLAIN = layer_classes("Dense Conv1D Conv2D Conv3D")
_KERNELS = (*_DEPTHWISE, *_SEPARABLE, *_TRANSPOSED, *_PLAIN)
_OF_ANY_RANK = (
    "ZeroPadding Cropping UpSampling SpatialDropout"
    " MaxPooling AveragePooling GlobalMaxPooling GlobalAveragePooling"
)
# They only move numbers, or do nothing but in training. Where a factor does not get past one of them after
# all, it is one more that a file may show: no harm.
_PASSED = frozenset(
    layer_classes(
        "InputLayer Dropout GaussianNoise GaussianDropout ActivityRegularization Flatten Reshape "
        + " ".join(f"{kind}{rank}D" for kind in _OF_ANY_RANK.split() for rank in (1, 2, 3))
    )
)
# No factor gets past them: they are not linear, mix their inputs, or have a kernel of their own.
_ENDS = frozenset(
    (
        *_KERNELS,
        *layer_classes("ReLU LeakyReLU ELU Softmax Add Subtract Multiply Concatenate Maximum"),
        *layer_classes("LSTM GRU SimpleRNN Embedding"),
    )
)
# Others, such as hard_sigmoid and selu, multiply by numbers of their own first or last.
_CURVED = frozenset(
    getattr(activations, name)
    for name in ["relu", "elu", "sigmoid", "tanh", "swish", "softmax", "softplus", "softsign", "exponential"]
)


def model_folds(model: tf_keras.Model) -> dict[Any, Folds]:
    """Finds the factors of each kernel of a model.

    Args:
        model: A built model; layers may be wrapped for pruning.

    Returns:
        By `variable.ref()` of each kernel, the factors that may be multiplied into it. Kernels whose factors
        are not known are left out.
    """
    inside = inner_layers(model, with_itself=True)
    if any(isinstance(layer, tf_keras.Model) and not has_graph(layer) for layer in inside):
        return {}
    readers, sources = _neighbours(connections(model))
    found = {}
    for layer in dict.fromkeys(map(_bare, inside)):
        for weight in prunable_weights(layer) if type(layer) in _KERNELS else ():
            folds = _folds(readers, sources, layer, weight)
            if folds is not None:
                found[weight.variable.ref()] = folds
    return found


def _neighbours(graph: Connections) -> tuple[_Edges, _Edges]:
    """Lists the layers that read each layer, and those that it reads, wrappers taken off."""
    readers, sources = defaultdict[Layer, list[Layer]](list), defaultdict[Layer, list[Layer]](list)
    for layer in graph.layers:
        readers[_bare(layer)] += map(_bare, graph.consumers[layer])
        sources[_bare(layer)] += map(_bare, graph.producers[layer])
    return readers, sources


def _bare(layer: Layer) -> Layer:
    while isinstance(layer, PruneLowMagnitude | layers.TimeDistributed):
        layer = layer.layer
    return layer


def _folds(readers: _Edges, sources: _Edges, layer: Layer, weight: PrunableWeight) -> Folds | None:
    if layer.compute_dtype != layer.variable_dtype:
        return None
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return None
    # The second kernel of a separable convolution follows the first.
    first = isinstance(layer, _SEPARABLE) and weight.name == "depthwise_kernel"
    second = isinstance(layer, _SEPARABLE) and not first
    output_axes, input_axes = _axes(layer, weight)
    try:
        behind = [] if first else _behind(readers, layer)
        before = [] if second else _followed(sources, layer, ONE, (layer,))
        outputs = [_along(factor, weight.shape, output_axes) for factor in behind]
        inputs = [_along(factor, weight.shape, input_axes) for factor in before]
    except _Unknown:
        return None
    return Folds((ONE, *outputs), (ONE, *inputs))


def _behind(readers: _Edges, layer: Layer) -> Iterable[np.ndarray]:
    if layer.activation is activations.linear:
        return _followed(readers, layer, ONE, (layer,))
    _check_curved(layer.activation)
    return ()


def _followed(
    edges: _Edges, layer: Layer, so_far: np.ndarray, passed: tuple[Layer, ...]
) -> Iterator[np.ndarray]:
    """Gives the product of the factors up to each layer that multiplies, along every path from a layer."""
    for neighbour in edges.get(layer, []):
        if any(neighbour is one for one in passed):
            raise _Unknown
        factor = _factor(neighbour)
        if factor is None:
            continue
        product = _times(so_far, factor)
        if factor is not ONE:
            yield product
        yield from _followed(edges, neighbour, product, (*passed, neighbour))


def _factor(layer: Layer) -> np.ndarray | None:
    """Tells what a layer multiplies by, per channel or altogether; None where no factor gets past it."""
    if type(layer) in _PASSED:
        return ONE
    if type(layer) in _ENDS:
        # What a layer does last may be multiplied into the kernel behind it.
        if (activation := getattr(layer, "activation", activations.linear)) is not activations.linear:
            _check_curved(activation)
        return None
    if isinstance(layer, layers.Activation):
        if layer.activation is activations.linear:
            return ONE
        _check_curved(layer.activation)
        return None
    if layer.compute_dtype != "float32":
        raise _Unknown
    if type(layer) is layers.Rescaling:
        return np.asarray(layer.scale, np.float64)
    if type(layer) in (layers.BatchNormalization, layers.experimental.SyncBatchNormalization):
        return _norm_factor(layer)
    if type(layer) is layers.Normalization:
        return _standard_factor(layer)
    raise _Unknown


def _norm_factor(norm: Layer) -> np.ndarray:
    if list(norm.axis) != [norm.input_spec.ndim - 1]:
        raise _Unknown
    gamma = norm.gamma.numpy().astype(np.float64) if norm.scale else 1.0
    return np.asarray(gamma / np.sqrt(norm.moving_variance.numpy().astype(np.float64) + norm.epsilon))


def _standard_factor(layer: Layer) -> np.ndarray:
    """The factor of a Normalization, whose statistics are constants of the model."""
    variance = np.asarray(layer.variance, np.float64)
    if layer.invert or variance.size not in (1, *variance.shape[-1:]):
        raise _Unknown
    factor = 1 / np.maximum(np.sqrt(variance), tf_keras.backend.epsilon())
    return np.asarray(factor.reshape(-1) if factor.size > 1 else factor.reshape(()))


def _check_curved(activation: Callable[..., object]) -> None:
    if activation not in _CURVED:
        raise _Unknown


def _times(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Multiplies two factors; where a Flatten lies between them, the longer repeats the shorter."""
    if first.ndim and second.ndim and first.size != second.size:
        longer, shorter = (first, second) if first.size > second.size else (second, first)
        if longer.size % shorter.size:
            raise _Unknown
        return longer * np.tile(shorter, longer.size // shorter.size)
    return first * second


def _axes(layer: Layer, weight: PrunableWeight) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the axes of a kernel that are outputs, and those that are inputs."""
    if isinstance(layer, _TRANSPOSED):
        return (-2,), (-1,)
    return ((-2, -1) if weight.name == "depthwise_kernel" else (-1,)), (-2,)


def _along(factor: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    """Shapes a factor so that it broadcasts along axes of a weight; behind a Flatten it repeats."""
    factor = factor.reshape(-1)
    if factor.size == 1:
        return factor.reshape(())
    own = {axis % len(shape) for axis in axes}
    target = [length if axis in own else 1 for axis, length in enumerate(shape)]
    size = int(np.prod(target))
    if size % factor.size:
        raise _Unknown
    return np.tile(factor, size // factor.size).reshape(target)

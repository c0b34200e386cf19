"""Policies: which layers of a model `prune_low_magnitude` wraps."""

import abc
from collections.abc import Iterable
from typing import TypeAlias

import tf_keras
from tf_keras import layers

Layer: TypeAlias = tf_keras.layers.Layer

_ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu", "sigmoid", "linear")
_OPERATIONS = ("identity", "add", "subtract", "multiply", "sigmoid", "relu", "relu6", "_add_dispatch")
_ALWAYS = (
    layers.Add,
    layers.Multiply,
    layers.ZeroPadding2D,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Dropout,
    layers.InputLayer,
)


class PruningPolicy(abc.ABC):
    """Decides layer by layer."""

    @abc.abstractmethod
    def allow_pruning(self, layer: Layer) -> bool:
        """Tells whether this layer is wrapped."""

    @abc.abstractmethod
    def ensure_model_supports_pruning(self, model: tf_keras.Model) -> None:
        """Raises ValueError where the policy does not fit the model."""


class PruneForLatencyOnXNNPack(PruningPolicy):
    """Prunes the 1x1 convolutions of a model that XNNPACK can run by its sparse kernels.

    These kernels work on a subgraph that begins with a 3x3 convolution of a 3-channel image, strides 2,
    behind a zero padding of 1, ends in global average pooling, and has only layers between that they support
    (Fast Sparse ConvNets, arXiv 1911.09723; XNNPACK's README, "Sparse inference").
    """

    def allow_pruning(self, layer: Layer) -> bool:
        """Tells whether the layer is a 1x1 convolution."""
        return _is_plain_conv(layer) and layer.kernel_size == (1, 1)

    def ensure_model_supports_pruning(self, model: tf_keras.Model) -> None:
        """Checks that the model holds a subgraph for sparse inference.

        Raises:
            ValueError: If it does not; the message names the layer that is in the way.
        """
        if not isinstance(model, tf_keras.Sequential) and not model._is_graph_network:
            raise ValueError(f"{model.name!r} is a subclassed model; its connections cannot be followed.")
        if not model.built:
            raise ValueError(f"{model.name!r} is not built yet; give it an input shape first.")
        every = _flattened(model)
        starts = [layer for layer in every if _starts(layer)]
        if not starts:
            raise ValueError(
                f"{model.name!r} has no 3x3 convolution of a 3-channel image with strides 2, padding 'valid',"
                " behind ZeroPadding2D(1), with which XNNPACK's sparse subgraph begins."
            )
        for layer in _until_pooled(starts):
            if layer not in starts and not _is_pooling(layer) and not _supported(layer):
                raise ValueError(
                    f"{model.name!r}: layer {layer.name!r} ({type(layer).__name__}) stands between the first"
                    " convolution and global average pooling, and XNNPACK's sparse kernels do not support it."
                )


def _flattened(model: tf_keras.Model) -> list[Layer]:
    return [
        layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, tf_keras.Model)
    ]


def _until_pooled(starts: Iterable[Layer]) -> list[Layer]:
    """Lists the layers from the starts to the first global average pooling of each branch, it included.

    Raises:
        ValueError: If a branch goes to the model's output without one.
    """
    found: dict[int, Layer] = {}
    waiting = list(starts)
    while waiting:
        layer = waiting.pop()
        if id(layer) in found:
            continue
        found[id(layer)] = layer
        if _is_pooling(layer):
            continue
        consumers = [node.outbound_layer for node in layer._outbound_nodes]
        if not consumers:
            raise ValueError(
                f"the branch that ends in layer {layer.name!r} has no GlobalAveragePooling2D, with"
                " which XNNPACK's sparse subgraph ends."
            )
        waiting += consumers
    return list(found.values())


def _producers(layer: Layer) -> list[Layer]:
    found: list[Layer] = []
    for node in layer._inbound_nodes:
        inbound = node.inbound_layers
        found += inbound if isinstance(inbound, list) else [inbound]
    return found


def _is_pooling(layer: Layer) -> bool:
    return isinstance(layer, layers.GlobalAveragePooling2D)


def _is_plain_conv(layer: Layer) -> bool:
    return isinstance(layer, layers.Conv2D) and not isinstance(layer, layers.Conv2DTranspose)


def _padded_by(layer: Layer, width: int) -> bool:
    producers = _producers(layer)
    return (
        len(producers) == 1
        and isinstance(producers[0], layers.ZeroPadding2D)
        and producers[0].padding == ((width, width), (width, width))
    )


def _starts(layer: Layer) -> bool:
    return (
        _is_plain_conv(layer)
        and tuple(layer.kernel.shape[:3]) == (3, 3, 3)
        and layer.strides == (2, 2)
        and layer.padding == "valid"
        and _padded_by(layer, 1)
    )


def _supported(layer: Layer) -> bool:
    if isinstance(layer, _ALWAYS):
        return True
    if isinstance(layer, layers.DepthwiseConv2D):
        return _supported_depthwise(layer)
    if _is_plain_conv(layer):
        return bool(
            layer.groups == 1
            and layer.dilation_rate == (1, 1)
            and layer.kernel_size == (1, 1)
            and layer.strides == (1, 1)
        )
    if isinstance(layer, layers.BatchNormalization):
        return list(layer.axis) == [3]
    if isinstance(layer, layers.UpSampling2D):
        return bool(layer.interpolation == "bilinear")
    if isinstance(layer, layers.Activation):
        return getattr(layer.activation, "__name__", "") in _ACTIVATIONS
    return type(layer).__name__ == "TFOpLambda" and getattr(layer.function, "__name__", "") in _OPERATIONS


def _supported_depthwise(layer: Layer) -> bool:
    """3x3 or 5x5, either 'same' without strides, or 'valid' behind a zero padding of its half width."""
    size = layer.kernel_size[0]
    if (
        layer.kernel_size not in ((3, 3), (5, 5))
        or layer.depth_multiplier != 1
        or layer.dilation_rate != (1, 1)
    ):
        return False
    if layer.padding == "same":
        return bool(layer.strides == (1, 1))
    return layer.strides in ((1, 1), (2, 2)) and _padded_by(layer, size // 2)

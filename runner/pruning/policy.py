"""Policies: which layers of a model `prune_low_magnitude` wraps."""

import abc

import tf_keras
from tf_keras import layers

from runner.pruning.connections import Connections, Layer, connections
from runner.pruning.keras_internals import has_graph, layer_classes
from runner.pruning.wrapper import PruneLowMagnitude

_ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu", "sigmoid", "linear")
_OPERATIONS = ("identity", "add", "subtract", "multiply", "sigmoid", "relu", "relu6", "_add_dispatch")
_ALWAYS = layer_classes("Add Multiply ZeroPadding2D ReLU LeakyReLU ELU Dropout")
_INSTEAD: tuple[tuple[type, str], ...] = (
    (layers.Conv2DTranspose, "no transposed convolution"),
    (layers.Conv2D, "of convolutions only 1x1, without strides, dilation or groups"),
    (
        layers.DepthwiseConv2D,
        "of depthwise convolutions only 3x3 and 5x5, without dilation or multiplier, padding 'same' without"
        " strides, or 'valid' behind a ZeroPadding2D of 1 or 2 on each side",
    ),
    (layers.GlobalAveragePooling2D, "one that another follows needs keepdims=True"),
    (layers.BatchNormalization, "only over the last axis"),
    (layers.UpSampling2D, "only interpolation='bilinear'"),
    (layers.Activation, f"only {', '.join(_ACTIVATIONS)}"),
)


class PruningPolicy(abc.ABC):
    """Decides for each layer of a model whether it is pruned."""

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
        """Checks that the model holds a subgraph for sparse inference; models nested in it included.

        Raises:
            ValueError: If it does not; the message names the layer.
        """
        if isinstance(model, tf_keras.Sequential) and not model.built:
            raise ValueError(f"{model.name!r} is not built yet; give it an input shape first.")
        if not has_graph(model):
            raise ValueError(f"{model.name!r} is a subclassed model; its connections cannot be followed.")
        graph = connections(model)
        starts = [layer for layer in graph.layers if not _start_problems(layer, graph)]
        if not starts:
            raise ValueError(_no_start(model, graph))
        ends = _last_poolings(graph)
        inside = graph.followed(starts, graph.consumers, stop=lambda layer: layer in ends)
        for layer in inside:
            if layer not in ends and not graph.consumers[layer]:
                raise ValueError(
                    f"{model.name!r}: the branch that ends in {_named(layer)} has no GlobalAveragePooling2D,"
                    " with which XNNPACK's sparse subgraph ends."
                )
        for layer in inside:
            if layer in starts:
                continue
            if layer not in ends and not _supported(layer, graph):
                raise ValueError(
                    f"{model.name!r}: {_named(layer)} stands between the first convolution and global average"
                    f" pooling, and XNNPACK's sparse kernels do not support it{_hint(_bare(layer))}."
                )
            outside = [producer for producer in graph.producers[layer] if producer not in inside]
            if outside:
                raise ValueError(
                    f"{model.name!r}: {_named(layer)} also takes the output of {_named(outside[0])}, which"
                    " does not come from the first convolution, and XNNPACK's sparse subgraph takes nothing"
                    " from outside."
                )


def _bare(layer: Layer) -> Layer:
    return layer.layer if isinstance(layer, PruneLowMagnitude) else layer


def _named(layer: Layer) -> str:
    return f"layer {_bare(layer).name!r} ({type(_bare(layer)).__name__})"


def _last_poolings(graph: Connections) -> set[Layer]:
    """Finds the global average poolings with no other behind them: one before is squeeze-and-excite's."""
    met = graph.followed(graph.outputs, graph.producers, stop=_is_pooling)
    return {layer for layer in met if _is_pooling(layer)}


def _start_problems(layer: Layer, graph: Connections) -> list[str]:
    """Lists what keeps a layer from being the convolution with which the subgraph begins."""
    bare = _bare(layer)
    if not _is_plain_conv(bare):
        return ["it is no Conv2D"]
    return [
        problem
        for holds, problem in (
            (bare.kernel_size == (3, 3), f"its kernel_size is {bare.kernel_size}"),
            (bare.kernel.shape[2] == 3, f"its input channels are {bare.kernel.shape[2]}"),
            (bare.strides == (2, 2), f"its strides are {bare.strides}"),
            (bare.padding == "valid", f"its padding is {bare.padding!r}"),
            (_padded_by(layer, 1, graph), "no ZeroPadding2D(1) stands before it"),
        )
        if not holds
    ]


def _no_start(model: tf_keras.Model, graph: Connections) -> str:
    convolutions = [layer for layer in graph.layers if _is_plain_conv(_bare(layer))]
    first = "it has no Conv2D"
    if convolutions:
        problems = "; ".join(_start_problems(convolutions[0], graph))
        first = f"of its first convolution, {_bare(convolutions[0]).name!r}: {problems}"
    return (
        f"{model.name!r} has no 3x3 convolution of a 3-channel image with strides 2, padding 'valid', behind"
        f" ZeroPadding2D(1), with which XNNPACK's sparse subgraph begins; {first}."
    )


def _is_pooling(layer: Layer) -> bool:
    return isinstance(layer, layers.GlobalAveragePooling2D)


def _is_plain_conv(layer: Layer) -> bool:
    return isinstance(layer, layers.Conv2D) and not isinstance(layer, layers.Conv2DTranspose)


def _padded_by(layer: Layer, width: int, graph: Connections) -> bool:
    producers = graph.producers[layer]
    return (
        len(producers) == 1
        and isinstance(producers[0], layers.ZeroPadding2D)
        and producers[0].padding == ((width, width), (width, width))
    )


def _supported(layer: Layer, graph: Connections) -> bool:
    bare = _bare(layer)
    if isinstance(bare, _ALWAYS):
        return True
    if isinstance(bare, layers.DepthwiseConv2D):
        return _supported_depthwise(bare, padded=_padded_by(layer, bare.kernel_size[0] // 2, graph))
    if _is_plain_conv(bare):
        return bool(
            bare.groups == 1
            and bare.dilation_rate == (1, 1)
            and bare.kernel_size == (1, 1)
            and bare.strides == (1, 1)
        )
    if _is_pooling(bare):
        return bool(bare.keepdims)
    if isinstance(bare, layers.BatchNormalization):
        return list(bare.axis) == [3]
    if isinstance(bare, layers.UpSampling2D):
        return bool(bare.interpolation == "bilinear")
    if isinstance(bare, layers.Activation):
        return getattr(bare.activation, "__name__", "") in _ACTIVATIONS
    return type(bare).__name__ == "TFOpLambda" and getattr(bare.function, "__name__", "") in _OPERATIONS


def _supported_depthwise(layer: Layer, *, padded: bool) -> bool:
    """3x3 or 5x5, either 'same' without strides, or 'valid' behind a zero padding of its half width."""
    if (
        layer.kernel_size not in ((3, 3), (5, 5))
        or layer.depth_multiplier != 1
        or layer.dilation_rate != (1, 1)
    ):
        return False
    if layer.padding == "same":
        return bool(layer.strides == (1, 1))
    return layer.strides in ((1, 1), (2, 2)) and padded


def _hint(layer: Layer) -> str:
    """Says what of its kind they would support."""
    return next((f": {words}" for kind, words in _INSTEAD if isinstance(layer, kind)), "")

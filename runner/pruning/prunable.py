"""Which weights of which layer can be pruned, and in which layout each is stored."""

import abc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner.pruning.keras_internals import layer_classes, without_auto_cast
from runner.pruning.layouts import KERNEL, KernelLayout, depthwise_layout, einsum_layout, transposed_layout
from runner.pruning.structures import Shape


class PrunableLayer(abc.ABC):
    """Mix-in for a custom layer: it names the variables that may be pruned."""

    @abc.abstractmethod
    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns the variables to prune, each a kernel `[*spatial, in, out]`; called after `build`."""


@dataclass(frozen=True)
class PrunableWeight:
    """One weight tensor that can be pruned.

    Args:
        name: Its name within the layer, such as `kernel`, `forward_recurrent_kernel` or `query_kernel`.
        variable: The variable itself (never the auto-casting one around it).
        layout: How its axes read as a kernel.
    """

    name: str
    variable: tf.Variable
    layout: KernelLayout

    @property
    def shape(self) -> Shape:
        """Shape in Keras layout, as stored."""
        return tuple(self.variable.shape)

    @property
    def kernel_shape(self) -> Shape:
        """Shape read as a kernel `[*spatial, in, out]`."""
        return self.layout.shape(self.shape)


@dataclass(frozen=True)
class _Place:
    """Where a layer keeps a weight.

    Args:
        path: Attributes from the layer on, with dots.
        layout: Its layout, or what reads it off the owner of the weight.
        name: What the weight is called; default: the last attribute.
    """

    path: str
    layout: KernelLayout | Callable[[Any], KernelLayout] = KERNEL
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or self.path.rpartition(".")[2]


_KERNEL, _POINTWISE = _Place("kernel"), _Place("pointwise_kernel")
_DEPTHWISE = _Place("depthwise_kernel", lambda layer: depthwise_layout(len(layer.depthwise_kernel.shape)))

_PLACES: tuple[tuple[str, tuple[_Place, ...]], ...] = (
    ("EinsumDense", (_Place("kernel", lambda layer: einsum_layout(layer.equation)),)),
    ("DepthwiseConv1D DepthwiseConv2D", (_DEPTHWISE,)),
    ("SeparableConv1D SeparableConv2D", (_DEPTHWISE, _POINTWISE)),
    (
        "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
        (_Place("kernel", lambda layer: transposed_layout(len(layer.kernel.shape))),),
    ),
    ("Dense Conv1D Conv2D Conv3D LocallyConnected1D LocallyConnected2D", (_KERNEL,)),
    # TFLite stores an embedding's rows as they are: along a row run the dimensions.
    ("Embedding", (_Place("embeddings", KernelLayout((), (1,), (0,))),)),
    ("SimpleRNNCell LSTMCell GRUCell", (_KERNEL, _Place("recurrent_kernel"))),
    ("ConvLSTM1D ConvLSTM2D ConvLSTM3D", (_Place("cell.kernel"), _Place("cell.recurrent_kernel"))),
    (
        "MultiHeadAttention",
        (
            _Place("_query_dense.kernel", KernelLayout((), (0,), (1, 2)), "query_kernel"),
            _Place("_key_dense.kernel", KernelLayout((), (0,), (1, 2)), "key_kernel"),
            _Place("_value_dense.kernel", KernelLayout((), (0,), (1, 2)), "value_kernel"),
            _Place("_output_dense.kernel", KernelLayout((), (0, 1), (2,)), "output_kernel"),
        ),
    ),
)
"""The registry: names of layer classes to where their prunable weights are; the first match counts."""


def refuse_keras_3(candidate: Any) -> None:
    """Raises ValueError, which says what to do, where a layer or model is one of Keras 3."""
    if any(kind.__module__.partition(".")[0] == "keras" for kind in type(candidate).__mro__):
        raise ValueError(
            f"{type(candidate).__name__} is a Keras 3 object, and pruning works on tf-keras (Keras 2). Start"
            " the script with the environment variable TF_USE_LEGACY_KERAS=1, which makes tensorflow.keras"
            " tf-keras, or import tf_keras instead."
        )


def is_prunable(layer: tf_keras.layers.Layer) -> bool:
    """Tells whether a layer, built or not, has weights that can be pruned."""
    if hasattr(layer, "get_prunable_weights") or _places(layer):
        return True
    return any(is_prunable(inner) for _, inner in _inner_layers(layer))


def prunable_weights(layer: tf_keras.layers.Layer) -> list[PrunableWeight]:
    """Lists the prunable weights of a layer; those that are not built yet are left out."""
    own: Callable[[], list[tf.Variable]] | None = getattr(layer, "get_prunable_weights", None)
    if own is not None:
        return [PrunableWeight(name, without_auto_cast(variable), KERNEL) for name, variable in _named(own())]
    found = []
    for place in _places(layer):
        owner, _, attribute = place.path.rpartition(".")
        holder = getattr(layer, owner, None) if owner else layer
        variable = getattr(holder, attribute, None)
        if variable is not None:
            layout = place.layout if isinstance(place.layout, KernelLayout) else place.layout(holder)
            found.append(PrunableWeight(place.title, without_auto_cast(variable), layout))
    for prefix, inner in _inner_layers(layer):
        found += [
            PrunableWeight(prefix + weight.name, weight.variable, weight.layout)
            for weight in prunable_weights(inner)
        ]
    return found


def _places(layer: Any) -> tuple[_Place, ...]:
    return next((places for names, places in _PLACES if isinstance(layer, layer_classes(names))), ())


def _inner_layers(layer: Any) -> Iterator[tuple[str, Any]]:
    """Lists the layers that a wrapping layer of Keras holds, each with a prefix for its weights' names."""
    if isinstance(layer, layers.Bidirectional):
        yield "forward_", layer.forward_layer
        yield "backward_", layer.backward_layer
    elif isinstance(layer, layers.TimeDistributed):
        yield "", layer.layer
    elif isinstance(layer, layers.StackedRNNCells):
        for number, cell in enumerate(layer.cells):
            yield f"cell_{number}_", cell
    elif isinstance(layer, layers.RNN) and not _places(layer):
        yield "", layer.cell


def _named(variables: list[tf.Variable]) -> list[tuple[str, tf.Variable]]:
    """Names a layer's own variables; two of one name are numbered."""
    names = [str(variable.name).split(":")[0].rpartition("/")[2] for variable in variables]
    return [
        (name if names.count(name) == 1 else f"{name}_{number}", variable)
        for number, (name, variable) in enumerate(zip(names, variables, strict=True))
    ]

"""Which weights of which layer can be pruned, and how their axes read as a kernel `[*spatial, in, out]`."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from runner.pruning.structures import Shape


class PrunableLayer(abc.ABC):
    """Mix-in for a layer of your own: it names the variables that may be pruned."""

    @abc.abstractmethod
    def get_prunable_weights(self) -> list[tf.Variable]:
        """Returns the variables to prune, each a kernel `[*spatial, in, out]`; called after `build`."""


@dataclass(frozen=True)
class Layout:
    """How a weight's axes read as a kernel: transposed by `order`, it is `[*spatial, in, out]`.

    Args:
        order: A permutation of the axes; None where the weight is stored as a kernel already.
    """

    order: tuple[int, ...] | None = None

    def shape(self, shape: Sequence[int]) -> Shape:
        """Returns the kernel's shape for a weight of this shape."""
        return tuple(shape) if self.order is None else tuple(shape[axis] for axis in self.order)

    def kernel(self, weights: Any) -> Any:
        """Views a weight (NumPy array or tensor) as a kernel."""
        if self.order is None:
            return weights
        return (
            np.transpose(weights, self.order)
            if isinstance(weights, np.ndarray)
            else tf.transpose(weights, self.order)
        )

    def stored(self, kernel: Any) -> Any:
        """Brings a kernel's mask back to the axes in which the weight is stored."""
        if self.order is None:
            return kernel
        back = tuple(int(axis) for axis in np.argsort(self.order))
        return np.transpose(kernel, back) if isinstance(kernel, np.ndarray) else tf.transpose(kernel, back)


@dataclass(frozen=True)
class PrunableWeight:
    """One weight tensor that can be pruned.

    Args:
        name: Its name within the layer, such as `kernel` or `recurrent_kernel`.
        variable: The variable itself (never the auto-casting one around it).
        layout: How its axes read as a kernel.
    """

    name: str
    variable: tf.Variable
    layout: Layout

    @property
    def shape(self) -> Shape:
        """Shape in Keras layout, as stored."""
        return tuple(self.variable.shape)

    @property
    def kernel_shape(self) -> Shape:
        """Shape read as a kernel `[*spatial, in, out]`."""
        return self.layout.shape(self.shape)


_KERNEL = Layout()
_ROWS_ARE_OUTPUTS = Layout((1, 0))  # An embedding's row is what TFLite stores as a row.

_BY_CLASS: list[tuple[type, dict[str, Layout]]] = [
    (tf_keras.layers.Dense, {"kernel": _KERNEL}),
    (tf_keras.layers.SeparableConv1D, {"pointwise_kernel": _KERNEL}),
    (tf_keras.layers.SeparableConv2D, {"pointwise_kernel": _KERNEL}),
    (tf_keras.layers.Conv1D, {"kernel": _KERNEL}),
    (tf_keras.layers.Conv2D, {"kernel": _KERNEL}),
    (tf_keras.layers.Conv3D, {"kernel": _KERNEL}),
    (tf_keras.layers.Embedding, {"embeddings": _ROWS_ARE_OUTPUTS}),
    (tf_keras.layers.SimpleRNN, {"cell.kernel": _KERNEL, "cell.recurrent_kernel": _KERNEL}),
    (tf_keras.layers.LSTM, {"cell.kernel": _KERNEL, "cell.recurrent_kernel": _KERNEL}),
    (tf_keras.layers.GRU, {"cell.kernel": _KERNEL, "cell.recurrent_kernel": _KERNEL}),
]
"""The registry: layer class to the attributes that hold prunable weights; the first match counts."""

_NOT_THESE = (
    tf_keras.layers.DepthwiseConv1D,
    tf_keras.layers.DepthwiseConv2D,
    tf_keras.layers.Conv1DTranspose,
    tf_keras.layers.Conv2DTranspose,
    tf_keras.layers.Conv3DTranspose,
)
"""Subclasses of the convolutions above whose kernels are laid out otherwise."""


def is_prunable(layer: tf_keras.layers.Layer) -> bool:
    """Tells whether a layer, built or not, has weights that can be pruned."""
    return hasattr(layer, "get_prunable_weights") or _attributes(layer) is not None


def prunable_weights(layer: tf_keras.layers.Layer) -> list[PrunableWeight]:
    """Lists the prunable weights of a built layer; empty where there are none."""
    own: Callable[[], list[tf.Variable]] | None = getattr(layer, "get_prunable_weights", None)
    if own is not None:
        return [PrunableWeight(_variable_name(v), _bare(v), _KERNEL) for v in own()]
    return [
        PrunableWeight(path.rpartition(".")[2], _bare(_attribute(layer, path)), layout)
        for path, layout in (_attributes(layer) or {}).items()
    ]


def _attributes(layer: tf_keras.layers.Layer) -> dict[str, Layout] | None:
    if isinstance(layer, _NOT_THESE):
        return None
    return next((paths for kind, paths in _BY_CLASS if isinstance(layer, kind)), None)


def _attribute(layer: tf_keras.layers.Layer, path: str) -> Any:
    found: Any = layer
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _variable_name(variable: tf.Variable) -> str:
    return str(variable.name).split(":")[0].rpartition("/")[2]


def _bare(variable: Any) -> tf.Variable:
    """Unwraps mixed precision's AutoCastVariable: what is set on the wrapper never reaches the optimizer."""
    return getattr(variable, "_variable", variable) if hasattr(variable, "true_dtype") else variable

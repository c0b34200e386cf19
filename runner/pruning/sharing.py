"""What the layers of a model share and a copy of it would not: found before it is copied or trained."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import tf_keras

Layer: TypeAlias = tf_keras.layers.Layer

CALL_THE_LAYER = (
    "Call the layer itself in both places of a functional model, not another layer that holds it."
)
BUILD_FUNCTIONAL = "Build it as a functional model, and call the layer in it as often as it is used."


def shared_variable(layers: Iterable[Layer]) -> tuple[Layer, Layer, Any] | None:
    """Finds two layers that hold one variable, which copies of them would hold twice.

    Args:
        layers: Of a model, each once; models that are copied layer by layer are not among them.

    Returns:
        Both layers, in order, and the first variable that they share; None where none do.
    """
    holders: dict[int, Layer] = {}
    for layer in layers:
        for variable in layer.weights:
            holder = holders.setdefault(id(variable), layer)
            if holder is not layer:
                return holder, layer, variable
    return None


def repeated_layer(model: tf_keras.Model) -> tuple[tf_keras.Sequential, Layer] | None:
    """Finds a Sequential model that holds one layer twice: tf-keras copies, saves and loads one use of it.

    Args:
        model: Any model. Those nested in it are searched too.

    Returns:
        The Sequential model and the layer; None where there is none.
    """
    for each in model._flatten_layers(include_self=True, recursive=True):
        if isinstance(each, tf_keras.Sequential) and each._is_graph_network:
            # `layers` lists each once. One that is built late has one use only, as tf-keras builds it.
            used = [node.layer for nodes in each._nodes_by_depth.values() for node in nodes]
            repeated = [layer for layer in used if sum(layer is other for other in used) > 1]
            if repeated:
                return each, repeated[0]
    return None

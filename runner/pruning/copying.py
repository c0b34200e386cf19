"""Copies models layer by layer, for wrapping and stripping, and finds what a copy could not keep."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import tf_keras

from runner.pruning.keras_internals import calls, has_graph, inner_layers
from runner.pruning.wrapper import PruneLowMagnitude

Layer: TypeAlias = tf_keras.layers.Layer

CALL_THE_LAYER = (
    "Call the layer itself in both places of a functional model, not another layer that holds it."
)
BUILD_FUNCTIONAL = "Build it as a functional model, and call the layer in it as often as it is used."


def copy_model(model: tf_keras.Model, replace: Callable[[Layer], Layer | None]) -> tf_keras.Model:
    """Copies a Sequential or functional model, weights and all, replacing layers.

    Every layer has one copy, however often it is used: in one model, in several nested models, or in a
    model and one nested in it. A nested model likewise. So the copy has as many parameters as the model.

    Args:
        model: The model; it is left untouched. Models nested in it are copied likewise.
        replace: Given a layer, returns its unbuilt replacement with weights of the same order (a wrapper
            around a copy, or what is inside a wrapper); None to copy the layer as it is.

    Returns:
        The new model, with the same names, weights and outputs.

    Raises:
        ValueError: If the model is subclassed: its layers cannot be replaced from outside. Or if two layers
            hold one variable, which copies of them would no longer share; or a Sequential model holds one
            layer twice, of which a copy would keep one use.
    """
    if not is_graph_model(model):
        raise ValueError(
            f"{model.name!r} is a subclassed model, whose layers cannot be replaced from outside; wrap the"
            " layers where the model makes them: self.dense = prune_low_magnitude(Dense(10), ...)."
        )
    if repeated := repeated_layer(model):
        sequential, twice = repeated
        raise ValueError(
            f"{sequential.name!r} is a Sequential model that holds layer {twice.name!r} twice; its copy would"
            f" use it once. {BUILD_FUNCTIONAL}"
        )
    copies: dict[int, tuple[Layer, Layer]] = {}

    def clone(layer: Layer) -> Layer:
        if id(layer) not in copies:
            copied = cloned(layer) if is_graph_model(layer) else replace(layer) or copy_layer(layer)
            copies[id(layer)] = layer, copied
        return copies[id(layer)][1]

    def cloned(graph: tf_keras.Model) -> tf_keras.Model:
        return tf_keras.models.clone_model(graph, clone_function=clone)

    result = cloned(model)
    pairs = [pair for pair in copies.values() if not is_graph_model(pair[0])]
    if shared := shared_variable(original for original, _ in pairs):
        holder, other, variable = shared
        raise ValueError(
            f"{model.name!r}: layers {holder.name!r} and {other.name!r} hold one variable, {variable.name!r};"
            f" their copies would hold two, which training sets apart. {CALL_THE_LAYER}"
        )
    for original, copied in pairs:  # Only now: a nested model may be built as late as where it is called.
        if original.weights:
            copied.set_weights(original.get_weights())
        if isinstance(copied, PruneLowMagnitude) and isinstance(original, PruneLowMagnitude):
            copied.take_masks(original)
    return result


def copy_layer(layer: Layer) -> Layer:
    """Returns an unbuilt copy of a layer: same class, config and name."""
    return layer.__class__.from_config(layer.get_config())


def is_graph_model(layer: Layer) -> bool:
    """Tells whether a layer is a Sequential or functional model, so that its layers can be replaced."""
    return isinstance(layer, tf_keras.Sequential) or has_graph(layer)


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
    for each in inner_layers(model, with_itself=True):
        if isinstance(each, tf_keras.Sequential) and has_graph(each):
            # `layers` lists each once. One that is built late has one use only, as tf-keras builds it.
            used = [call.layer for call in calls(each)]
            repeated = [layer for layer in used if sum(layer is other for other in used) > 1]
            if repeated:
                return each, repeated[0]
    return None

"""Copying models layer by layer: what wrapping and stripping share."""

from collections.abc import Callable
from typing import TypeAlias

import tf_keras

from runner.pruning.sharing import BUILD_FUNCTIONAL, CALL_THE_LAYER, repeated_layer, shared_variable
from runner.pruning.wrapper import PruneLowMagnitude

Layer: TypeAlias = tf_keras.layers.Layer


def copy_model(model: tf_keras.Model, replace: Callable[[Layer], Layer | None]) -> tf_keras.Model:
    """Copies a Sequential or functional model, weights and all, replacing layers on the way.

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
    return isinstance(layer, tf_keras.Sequential) or bool(getattr(layer, "_is_graph_network", False))

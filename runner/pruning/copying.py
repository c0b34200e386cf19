"""Copies models layer by layer, for wrapping and stripping, and finds what a copy could not keep."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import tf_keras

from runner.pruning.keras_internals import calls, has_graph, inner_layers
from runner.pruning.wrapper import PruneLowMagnitude

Layer: TypeAlias = tf_keras.layers.Layer


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
        ValueError: If the model is subclassed: its layers cannot be replaced from outside. Or if a copy would
            not keep what its layers share; see `check_copyable`.
    """
    if not is_graph_model(model):
        raise ValueError(
            f"{model.name!r} is a subclassed model, whose layers cannot be replaced from outside; wrap the"
            " layers where the model makes them: self.dense = prune_low_magnitude(Dense(10), ...)."
        )
    check_copyable(model)
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


def check_copyable(model: tf_keras.Model) -> None:
    """Checks that a copy of a model, layer by layer, keeps what its layers share.

    Raises:
        ValueError: A Sequential model in it holds one layer twice, of which tf-keras copies, saves and loads
            one use. Or two layers hold one variable, which copies of them would hold twice.
    """
    for each in inner_layers(model, with_itself=True):
        if isinstance(each, tf_keras.Sequential) and has_graph(each):
            # `layers` lists each once. One that is built late has one use only, as tf-keras builds it.
            used = [call.layer for call in calls(each)]
            if twice := next((one for one in used if sum(one is other for other in used) > 1), None):
                raise ValueError(
                    f"{each.name!r} is a Sequential model that holds layer {twice.name!r} twice; its copies"
                    " and files would use it once. Build it as a functional model, and call the layer in it"
                    " as often as it is used."
                )
    holders: dict[int, tuple[str, Layer]] = {}
    for name, layer in layer_paths(model):
        for variable in layer.weights:
            first, holder = holders.setdefault(id(variable), (name, layer))
            if holder is not layer:
                raise ValueError(
                    f"layers {first!r} and {name!r} hold one variable, {variable.name!r}; copies of them"
                    " would hold two, which training sets apart. Call the layer itself in both places of a"
                    " functional model, not another layer that holds it."
                )


def layer_paths(model: tf_keras.Model, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Lists the layers of a model, those of nested models by their path, `outer/inner`; no input layers."""
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            yield from layer_paths(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, tf_keras.layers.InputLayer):
            yield prefix + layer.name, layer

"""The private parts of tf-keras and TensorFlow that pruning needs: an upgrade breaks one file.

tf-keras has no public way to list the layers inside layers, to follow the calls of a functional model, or to
give a variable a constraint after it was made; TensorFlow has none to learn that XLA compiles a function.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras
from tensorflow.python.ops import control_flow_util

Layer: TypeAlias = tf_keras.layers.Layer


def layer_classes(names: str) -> tuple[type[Layer], ...]:
    """Returns the Keras layers of these names, which spaces separate."""
    return tuple(getattr(tf_keras.layers, name) for name in names.split())


def inner_layers(layer: Layer, *, with_itself: bool = False) -> list[Layer]:
    """Lists the layers in a layer or model at any depth, those that attributes hold too."""
    return list(layer._flatten_layers(include_self=with_itself, recursive=True))


def has_graph(model: Layer) -> bool:
    """Tells whether this is a functional or a built Sequential model, so that `calls` knows how it runs."""
    return bool(getattr(model, "_is_graph_network", False))


def calls(model: tf_keras.Model) -> list[Any]:
    """Lists the calls of layers (Keras nodes) in a model that has a graph, in an order in which they run."""
    depths = sorted(model._nodes_by_depth, reverse=True)
    return [node for depth in depths for node in model._nodes_by_depth[depth] if not node.is_input]


def input_layers(model: tf_keras.Model) -> list[Layer]:
    """Lists the input layers of a model that has a graph, in the order of its inputs."""
    return [tensor._keras_history.layer for tensor in model.inputs]


def call_for_real(layer: Layer, copied: Layer) -> None:
    """Calls a copy of a layer as the layer was first called, for those that make their weights only then."""
    arguments, keywords = layer._saved_model_arg_spec
    tf.function(copied.__call__, autograph=False).get_concrete_function(*arguments, **keywords)


def set_constraint(variable: tf.Variable, constraint: Callable[[tf.Tensor], tf.Tensor]) -> None:
    """Sets what an optimizer applies after an update; of a mirrored variable, on the copy of each device."""
    for each in getattr(variable, "values", (variable,)):
        each._constraint = constraint


def without_auto_cast(variable: Any) -> tf.Variable:
    """Unwraps mixed precision's AutoCastVariable: what is set on it does not reach the optimizer."""
    return getattr(variable, "_variable", variable) if hasattr(variable, "true_dtype") else variable


def is_in_xla() -> bool:
    """Tells whether the function that is being traced will be compiled by XLA."""
    return bool(control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))


untracked = tf.__internal__.tracking.no_automatic_dependency_tracking
"""Keeps Keras from saving what a method sets as attributes."""

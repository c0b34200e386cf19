"""Builds or loads the model of a recipe, and checks that it fits the data."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tf_keras

from runner.models.bounds import weights_limited
from runner.models.builder import MODELS
from runner.models.load_weights import load_weights
from runner.models.refused import ModelTooLarge
from runner.models.saved import load_saved_model
from runner.process.errors import UserError
from runner.process.named_file import named_path
from runner.process.wording import readable, shown
from runner.recipe.recipe import Model

Shape = tuple[int | None, ...]


def build_model(
    model: Model,
    *,
    input_shape: tuple[int, ...],
    num_classes: int | None,
    target_shape: tuple[int, ...] = (),
    data_notes: Sequence[str] = (),
    tell: Callable[[str], object] | None = None,
) -> tf_keras.Model:
    """Builds or loads the model of a recipe.

    Args:
        model: The recipe's `model`. Relative paths, `path` and `weights`, count from the current directory.
        input_shape: The shape of one input, without the batch.
        num_classes: The number of classes in the data; None for regression.
        target_shape: The shape of one regression target, without the batch.
        data_notes: Warnings about the data, added to the message where its classes do not fit the model.
        tell: Called with a message that says which weights were loaded and which were not.

    Returns:
        A built, uncompiled model with one input and one output.

    Raises:
        UserError: An unknown name or argument, a file that cannot be loaded, weights of another model, or a
            model whose input or output does not fit the data.
    """
    if model.path is not None:
        path = named_path(model.path, "recipe.model.path")
        origin = f"recipe.model.path: {path}"
        built = load_saved_model(path)
        if not built.built:
            built = _given_shape(built, origin, input_shape)
    else:
        origin = f"recipe.model.name: '{model.name}'"
        built = _build(model, origin, input_shape=input_shape, num_classes=num_classes)
    outputs = target_shape if num_classes is None else (num_classes,)
    _check_fit(built, origin, input_shape, outputs, classes=num_classes is not None, data_notes=data_notes)
    if model.weights is not None:
        loaded = load_weights(built, named_path(model.weights, "recipe.model.weights"), model.weights_ignore)
        if tell is not None:
            tell(loaded)
    return built


def _build(model: Model, origin: str, **supplied: Any) -> tf_keras.Model:
    name = str(model.name)
    builder = MODELS.get(name, where="recipe.model.name")
    arguments = MODELS.arguments(name, model.arguments, where="recipe.model")
    parameters = inspect.signature(builder).parameters
    required = "num_classes" in parameters and parameters["num_classes"].default is not None
    if required and supplied["num_classes"] is None:
        raise UserError(f"{origin} classifies, but the data has regression targets and no classes")
    arguments |= {key: value for key, value in supplied.items() if key in parameters}
    try:
        with weights_limited():
            built = builder(**arguments)
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:  # The builder may be a plugin's, and its arguments are the recipe's.
        written = "".join(f", {key}={shown(value)}" for key, value in model.arguments.items())
        reason = str(error) if isinstance(error, ValueError | TypeError | ModelTooLarge) else _named(error)
        raise UserError(
            f"{origin} cannot be built for inputs of shape {supplied['input_shape']}{written}:"
            f" {readable(reason)}"
        ) from error
    if not isinstance(built, tf_keras.Model):
        raise UserError(f"{origin}: its builder returned {type(built).__name__}, not a tf_keras.Model")
    _check_copies(built, origin)
    return built


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error} (debug=true shows where)"


def _check_copies(model: tf_keras.Model, origin: str) -> None:
    """Copies every layer from its configuration, as pruning does and loading a saved model."""
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            _check_copies(layer, origin)
            continue
        try:
            type(layer).from_config(layer.get_config())
        except (TypeError, ValueError, NotImplementedError, KeyError, AttributeError) as error:
            reason = str(error).strip().rpartition("\n")[2].removeprefix("Exception encountered: ")
            raise UserError(
                f"{origin}: layer '{layer.name}' cannot be made again from its configuration, as pruning and"
                f" saving need it: {reason.split('. ')[0].rstrip('.')}. A plugin makes its own classes and"
                " functions known by tf_keras.utils.get_custom_objects()['NAME'] = NAME"
            ) from error


def _given_shape(model: tf_keras.Model, origin: str, input_shape: Shape) -> tf_keras.Model:
    """Builds a Sequential that was saved before it had seen an input."""
    try:
        model.build((None, *input_shape))
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{origin}: the model does not take inputs of shape {input_shape}: {error}"
        ) from error
    return model


def _check_fit(
    model: tf_keras.Model,
    origin: str,
    input_shape: Shape,
    output_shape: Shape,
    *,
    classes: bool,
    data_notes: Sequence[str],
) -> None:
    for kind, tensors in (("inputs", model.inputs), ("outputs", model.outputs)):
        if not tensors or len(tensors) != 1:
            count = len(tensors or ())
            raise UserError(f"{origin}: the model has {count} {kind}; one is needed, of a fixed rank")
    takes, gives = tuple(model.inputs[0].shape)[1:], tuple(model.outputs[0].shape)[1:]
    if not _fits(takes, input_shape):
        raise UserError(f"{origin}: the model takes inputs of shape {takes}, the data has {input_shape}")
    if not _fits(gives, output_shape):
        needed = f"{output_shape[0]} classes" if classes else f"targets of shape {output_shape}"
        hint = "; recipe.data.classes sets their number for an npz" if classes and len(gives) == 1 else ""
        message = f"{origin}: the model's output has the shape {gives}, the data has {needed}{hint}"
        raise UserError("\n  ".join([message, *(f"note: {note}" for note in data_notes)]))


def _fits(of_model: Shape, of_data: Shape) -> bool:
    """Compares shapes; None in the model's is any size."""
    return len(of_model) == len(of_data) and all(
        a is None or a == b for a, b in zip(of_model, of_data, strict=True)
    )

"""`strip_pruning`: takes the wrappers off a model; names, weights and outputs stay."""

import warnings
from typing import Any

import tf_keras

from runner.pruning.copying import copy_layer, copy_model, is_graph_model
from runner.pruning.keras_internals import inner_layers
from runner.pruning.mask_settling import settle_model
from runner.pruning.prunable import refuse_keras_3
from runner.pruning.wrapper import PruneLowMagnitude, wrappers


def strip_pruning(model: Any) -> Any:
    """Returns the model without its wrappers, its pruned weights exactly zero.

    First the masks are set to the schedule's value at the last training step, so that a training that
    ended early, or had no `UpdatePruningStep`, is stripped at the sparsity it had reached by then. The
    model that was given keeps its wrappers and can train on; only a subclassed model, which cannot be copied
    from outside, is stripped in place: the attributes that hold wrappers then hold the layers inside.

    Args:
        model: A tf-keras model.

    Returns:
        A new model of the same names, weights and outputs, not compiled; a subclassed model itself.

    Raises:
        ValueError: If it is no tf-keras model, or wrapped by another package.

    Warns:
        UserWarning: Where this prunes weights that training had kept; it says how many. Or where no training
            step has reached the masks.
    """
    refuse_keras_3(model)
    if not isinstance(model, tf_keras.Model):
        raise ValueError(f"strip_pruning takes a tf-keras model; found {type(model).__name__}.")
    _refuse_other_wrappers(model)
    if _waits_for_its_first_step(model):
        warnings.warn(
            f"no training step has reached the masks of {model.name!r}: nothing is pruned. A loop that"
            " changes the weights without a tf-keras optimizer calls update_masks(model) after each change.",
            stacklevel=2,
        )
    settle_model(model, by="strip_pruning")
    if is_graph_model(model):
        model = copy_model(model, _inner_copy)
    else:
        # They were traced with the wrappers in.
        model.train_function = model.test_function = model.predict_function = None
    _unwrap_attributes(model)
    return model


def _refuse_other_wrappers(model: tf_keras.Model) -> None:
    for layer in inner_layers(model):
        if type(layer).__name__ == "PruneLowMagnitude" and not isinstance(layer, PruneLowMagnitude):
            package = type(layer).__module__.partition(".")[0]
            raise ValueError(
                f"{layer.name!r} was wrapped by {package}, and only that can strip it. Import"
                " prune_low_magnitude, the callbacks and strip_pruning all from runner.pruning."
            )


def _waits_for_its_first_step(model: tf_keras.Model) -> bool:
    masked = [each for wrapper in wrappers(model) if wrapper.trainable for each in wrapper.masked_weights]
    return bool(masked) and all(int(each.step.numpy()) == 0 for each in masked)


def _inner_copy(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer | None:
    return copy_layer(layer.layer) if isinstance(layer, PruneLowMagnitude) else None


def _unwrap_attributes(model: tf_keras.Model) -> None:
    """Takes off the wrappers that layers and models written by hand hold in their attributes."""
    for owner in inner_layers(model, with_itself=True):
        if isinstance(owner, PruneLowMagnitude) or is_graph_model(owner):
            continue
        for name, value in list(vars(owner).items()):
            if not name.startswith("_self_") and (replaced := _unwrapped(value)) is not value:
                setattr(owner, name, replaced)


def _unwrapped(value: Any) -> Any:
    """Takes wrappers off an attribute's value: a layer, or a list, tuple or dict that holds some."""
    if isinstance(value, PruneLowMagnitude):
        return value.layer
    if isinstance(value, list | tuple) and any(isinstance(item, PruneLowMagnitude) for item in value):
        return [_unwrapped(item) for item in value]
    if isinstance(value, dict) and any(isinstance(item, PruneLowMagnitude) for item in value.values()):
        return {key: _unwrapped(item) for key, item in value.items()}
    return value

"""`prune_low_magnitude`: puts wrappers around layers, or around the layers of a model."""

import difflib
import inspect
import warnings
from collections.abc import Sequence
from typing import Any

import tf_keras

from runner.pruning.copying import Layer, copy_layer, copy_model
from runner.pruning.keras_internals import call_for_real
from runner.pruning.policy import PruningPolicy
from runner.pruning.prunable import is_prunable, refuse_keras_3
from runner.pruning.schedules import PruningSchedule
from runner.pruning.wrapper import PruneLowMagnitude


def prune_low_magnitude(
    to_prune: Any,
    pruning_schedule: PruningSchedule | None = None,
    block_size: Sequence[int] = (1, 1),
    block_pooling_type: str = "AVG",
    pruning_policy: PruningPolicy | None = None,
    sparsity_m_by_n: Sequence[int] | None = None,
    **kwargs: Any,
) -> Any:
    """Makes a layer, a list of layers, or a model prune itself while it trains.

    An unbuilt layer is wrapped itself. A built layer or a model is copied, weights and all, and left
    untouched. Of a list or a model, the layers that have prunable weights are wrapped, the others copied.

    Args:
        to_prune: A tf-keras layer, a list of layers, or a Sequential or functional model.
        pruning_schedule: Sparsity over the steps; None: 50 % from the first step, or under m:n the full
            pattern, set once at the first step.
        block_size: Rows and columns of a block of the matrix `[spatial x in, out]`; (1, 1) for none.
        block_pooling_type: `AVG` or `MAX` of the magnitudes in a block.
        pruning_policy: Decides which layers are wrapped.
        sparsity_m_by_n: `(m, n)`: m of every n weights along the input channels are zero.
        **kwargs: `m_by_n_axis` (`auto`, `input_channels`, `flattened`), `weights` (names of the weights to
            prune), `importance` (`magnitude`, `random`) and `importance_seed`, all as in `PruneLowMagnitude`;
            for a single layer also what every Keras layer takes, such as `input_shape`.

    Returns:
        The wrapped layer, list or model. A model is not compiled.

    Raises:
        ValueError: If the object cannot be pruned or an argument is unusable.
        TypeError: If a keyword is misspelled.

    Example:
        >>> model = prune_low_magnitude(model, PolynomialDecay(0.0, 0.9, begin_step=0, end_step=2000))
        >>> model.compile("adam", "mse")
        >>> model.fit(x, y, callbacks=[UpdatePruningStep()])
        >>> strip_pruning(model).save("pruned.keras")
    """
    refuse_keras_3(to_prune)
    params: dict[str, Any] = {
        "pruning_schedule": pruning_schedule,
        "block_size": block_size,
        "block_pooling_type": block_pooling_type,
        "sparsity_m_by_n": sparsity_m_by_n,
    }
    _check_keywords(
        kwargs,
        single_layer=isinstance(to_prune, tf_keras.layers.Layer) and not isinstance(to_prune, tf_keras.Model),
    )
    params.update(kwargs)

    def wrap(layer: Layer) -> Layer | None:
        allowed = pruning_policy is None or pruning_policy.allow_pruning(layer)
        return PruneLowMagnitude(copy_layer(layer), **params) if is_prunable(layer) and allowed else None

    if isinstance(to_prune, tf_keras.Model):
        if pruning_policy is not None:
            pruning_policy.ensure_model_supports_pruning(to_prune)
        return copy_model(to_prune, wrap)
    if isinstance(to_prune, list | tuple):
        wrapped = {id(layer): _wrap_one(layer, params, pruning_policy) for layer in to_prune}
        return [wrapped[id(layer)] for layer in to_prune]
    if isinstance(to_prune, tf_keras.layers.Layer):
        left = not is_prunable(to_prune) and not isinstance(to_prune, PruneLowMagnitude)
        if left and (to_prune.weights or not to_prune.built):
            warnings.warn(
                f"{type(to_prune).__name__} {to_prune.name!r} has no weights that can be pruned: it is dense",
                stacklevel=2,
            )
        return _wrap_one(to_prune, params, pruning_policy)
    raise ValueError(
        "prune_low_magnitude takes a tf-keras layer, a list of layers, or a Sequential or functional model; "
        f"found {type(to_prune).__name__}."
    )


def prune_scope() -> Any:
    """Returns a scope in which models with wrappers load; where the wrapper is imported, they do without."""
    return tf_keras.utils.custom_object_scope({"PruneLowMagnitude": PruneLowMagnitude})


def _wrap_one(layer: Layer, params: dict[str, Any], policy: PruningPolicy | None) -> Layer:
    refuse_keras_3(layer)
    if isinstance(layer, PruneLowMagnitude) or (policy is not None and not policy.allow_pruning(layer)):
        return layer
    if not is_prunable(layer):
        return layer
    if not layer.built:
        return PruneLowMagnitude(layer, **params)
    return PruneLowMagnitude(_built_copy(layer), **params)


def _built_copy(layer: Layer) -> Layer:
    copied = copy_layer(layer)
    if not copied.weights:
        copied.build_from_config(layer.get_build_config())
        copied.built = True
    if len(copied.weights) < len(layer.weights):  # MultiHeadAttention makes its weights when first called.
        call_for_real(layer, copied)
    copied.set_weights(layer.get_weights())
    return copied


def _check_keywords(given: dict[str, Any], *, single_layer: bool) -> None:
    allowed = {"m_by_n_axis", "weights", "importance", "importance_seed"}
    if single_layer:
        allowed |= {"name", "input_shape", "batch_input_shape", "batch_size", "dtype", "trainable"}
        allowed |= {"dynamic", "autocast"}
    for name in given:
        if name not in allowed:
            named = sorted(set(inspect.signature(prune_low_magnitude).parameters) - {"kwargs"} | allowed)
            near = difflib.get_close_matches(name, named, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"prune_low_magnitude has no argument {name!r}; it has {', '.join(named)}.{hint}")

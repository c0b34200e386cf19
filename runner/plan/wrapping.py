"""Wraps the planned layers of a model, and refuses a model that wrapping would change."""

from collections.abc import Mapping

import tf_keras

from runner.plan.named_layers import listed, named_layers
from runner.plan.plan import Plan, PlannedWeight
from runner.process.errors import UserError
from runner.pruning.copying import check_copyable, copy_layer, copy_model
from runner.pruning.importance import derived_seed
from runner.pruning.wrapper import PruneLowMagnitude


def wrap_model(plan: Plan, model: tf_keras.Model, seed: int = 0) -> tf_keras.Model:
    """Copies the model with a wrapper around every planned layer.

    Args:
        plan: Made for this model.
        model: Left untouched.
        seed: The run's, from which each random mask derives its own.

    Returns:
        The copy, its weights equal, not compiled.
    """
    planned: dict[int, list[PlannedWeight]] = {}
    by_name = {named.name: named.layer for named in named_layers(model)}
    for row in plan.pruned:
        planned.setdefault(id(by_name[row.layer]), []).append(row)
    return copy_model(model, lambda layer: _wrapped(layer, planned, seed))


def _wrapped(
    layer: tf_keras.layers.Layer, planned: Mapping[int, list[PlannedWeight]], seed: int
) -> PruneLowMagnitude | None:
    rows = planned.get(id(layer))
    if not rows:
        return None
    first = rows[0]
    return PruneLowMagnitude(
        copy_layer(layer),
        first.schedule,
        structure=first.structure,
        weights=[row.weight for row in rows],
        importance=first.importance,
        # By its path: layers of one name in two nested models get different random masks.
        importance_seed=derived_seed(seed, first.layer) if first.importance == "random" else None,
    )


def check_sharing(model: tf_keras.Model) -> None:
    """Refuses, before it is trained, a built model whose sharing of layers a run cannot keep.

    Raises:
        UserError: Copies of the model would not keep what its layers share. Or a layer is used in several
            models that are nested in one: tf-keras saves such a model and cannot load the file.
    """
    try:
        check_copyable(model)
    except ValueError as error:
        raise UserError(f"recipe.model: {error}") from error
    shared = [named for named in named_layers(model) if named.aliases and named.layer.weights]
    if shared:
        raise UserError(
            "recipe.model: one layer is used in several models that are nested in each other, as"
            f" {listed(shared[0].names, most=4)}, and tf-keras cannot load a file of such a model. Build it"
            " as one functional model, and call the layer in it as often as it is used."
        )

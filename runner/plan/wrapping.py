"""Putting a plan into effect: wrappers around the planned layers."""

from collections.abc import Mapping

import tf_keras

from runner.plan.matching import named_layers
from runner.plan.plan import Plan, PlannedWeight
from runner.pruning.copying import copy_layer, copy_model
from runner.pruning.importance import derived_seed
from runner.pruning.wrapper import PruneLowMagnitude, arguments_of


def wrap_model(plan: Plan, model: tf_keras.Model, seed: int = 0) -> tf_keras.Model:
    """Copies the model with a wrapper around every planned layer.

    Args:
        plan: Made for this model.
        model: Left untouched.
        seed: The run's, for masks that are drawn by lot; every weight draws its own.

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
    assert first.structure is not None, "plan.pruned has rows with a structure only"
    return PruneLowMagnitude(
        copy_layer(layer),
        first.schedule,
        weights=[row.weight for row in rows],
        importance=first.importance,
        # By its path: layers of one name in two nested models are not to share their lots.
        importance_seed=derived_seed(seed, first.layer) if first.importance == "random" else None,
        **arguments_of(first.structure),
    )

"""Putting a plan into effect: wrappers around the planned layers."""

from collections.abc import Mapping

import tf_keras

from runner.plan.matching import named_layers
from runner.plan.plan import Plan, PlannedWeight
from runner.pruning.wrap import copy_layer, copy_model
from runner.pruning.wrapper import PruneLowMagnitude, arguments_of


def wrap_model(plan: Plan, model: tf_keras.Model) -> tf_keras.Model:
    """Copies the model with a wrapper around every planned layer.

    Args:
        plan: Made for this model.
        model: Left untouched.

    Returns:
        The copy, its weights equal, not compiled.
    """
    planned: dict[int, list[PlannedWeight]] = {}
    by_name = {named.name: named.layer for named in named_layers(model)}
    for row in plan.pruned:
        planned.setdefault(id(by_name[row.layer]), []).append(row)
    return copy_model(model, lambda layer: _wrapped(layer, planned))


def _wrapped(
    layer: tf_keras.layers.Layer, planned: Mapping[int, list[PlannedWeight]]
) -> PruneLowMagnitude | None:
    rows = planned.get(id(layer))
    if not rows:
        return None
    structure = rows[0].structure
    assert structure is not None, "plan.pruned has rows with a structure only"
    weights = [row.weight for row in rows]
    return PruneLowMagnitude(copy_layer(layer), rows[0].schedule, weights=weights, **arguments_of(structure))

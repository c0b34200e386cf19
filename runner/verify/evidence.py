"""What the sparsity check compares: the trained masks and weights, by the plan's names."""

import numpy as np
import tf_keras

from runner.plan.named_layers import named_layers
from runner.plan.plan import Plan
from runner.pruning.masked_weight import MaskedWeight
from runner.pruning.prunable import prunable_weights
from runner.pruning.wrapper import PruneLowMagnitude
from runner.verify.model_folds import model_folds
from runner.verify.sparsity_check import PrunedWeight

Key = tuple[str, str]
"""A layer's name (`outer/inner` inside a nested model) and the weight's name within it."""


def masked_weights(model: tf_keras.Model) -> dict[Key, MaskedWeight]:
    """Finds the masked weights of a wrapped model, by the names that the plan uses."""
    found = {}
    for named in named_layers(model):
        if isinstance(named.layer, PruneLowMagnitude):
            prefix = named.name.removesuffix(named.layer.name)
            for masked in named.layer.masked_weights:
                found[prefix + named.layer.layer.name, masked.name] = masked
    return found


def expected_weights(plan: Plan, wrapped: tf_keras.Model) -> list[PrunedWeight]:
    """Returns what every later form of the trained weights must still show.

    Args:
        plan: The plan.
        wrapped: The trained model, its wrappers on.
    """
    masked, folds = masked_weights(wrapped), model_folds(wrapped)
    expected = []
    for row in plan.pruned:
        own = masked[row.layer, row.weight]
        mask, layout = own.mask.numpy(), own.spec.layout
        # Planned zeros are counted in blocks; ragged ones make of the same count more or fewer weights.
        agrees = own.spec.structure.agrees(layout.kernel(mask), row.sparsity)
        expected.append(
            PrunedWeight(
                layer=row.layer,
                weight=row.weight,
                planned_zeros=int(np.count_nonzero(~mask)) if agrees else row.planned_zeros,
                mask=mask,
                values=own.weight.variable.numpy(),
                structure=own.spec.structure,
                promised=row.promised,
                folds=folds.get(own.weight.variable.ref()),
                layout=layout,
                sparsity=row.sparsity,
            )
        )
    return expected


def weights_by_name(model: tf_keras.Model) -> dict[Key, np.ndarray]:
    """Returns the prunable weights of a model without wrappers, by the names that the plan uses."""
    return {
        (named.name, weight.name): weight.variable.numpy()
        for named in named_layers(model)
        if named.prunable
        for weight in prunable_weights(named.layer)
    }

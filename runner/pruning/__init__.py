"""Magnitude pruning for tf-keras: schedules, structures, masks, wrappers.

The names and signatures are those of `tfmot.sparsity.keras`: a script written for it ports by its
import line. `EarlyStopping` and `ModelCheckpoint` are Keras's, made for a training that prunes.

Example:
    >>> from runner import pruning
    >>> model = pruning.prune_low_magnitude(model, pruning.ConstantSparsity(0.5, begin_step=0))
    >>> model.fit(x, y, callbacks=[pruning.UpdatePruningStep()])
    >>> model = pruning.strip_pruning(model)
"""

from runner.pruning.best_epochs import EarlyStopping, ModelCheckpoint
from runner.pruning.callbacks import PruningSummaries, UpdatePruningStep
from runner.pruning.loops import settle_masks, update_masks
from runner.pruning.policy import PruneForLatencyOnXNNPack, PruningPolicy
from runner.pruning.prunable import PrunableLayer
from runner.pruning.schedule import PruningSchedule
from runner.pruning.schedules import ConstantSparsity, ExponentialSparsity, LinearSparsity, PolynomialDecay
from runner.pruning.strip import strip_pruning
from runner.pruning.structures import Block, MByN, Structure, Unstructured
from runner.pruning.wrap import prune_low_magnitude, prune_scope
from runner.pruning.wrapper import PruneLowMagnitude

__all__ = [
    "Block",
    "ConstantSparsity",
    "EarlyStopping",
    "ExponentialSparsity",
    "LinearSparsity",
    "MByN",
    "ModelCheckpoint",
    "PolynomialDecay",
    "PrunableLayer",
    "PruneForLatencyOnXNNPack",
    "PruneLowMagnitude",
    "PruningPolicy",
    "PruningSchedule",
    "PruningSummaries",
    "Structure",
    "Unstructured",
    "UpdatePruningStep",
    "prune_low_magnitude",
    "prune_scope",
    "settle_masks",
    "strip_pruning",
    "update_masks",
]

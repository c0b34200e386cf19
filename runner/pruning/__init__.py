"""Magnitude pruning for tf-keras: schedules, structures, masks, wrappers.

The names and signatures are those of `tfmot.sparsity.keras`: a script written for it ports by its
import line. `EarlyStopping` and `ModelCheckpoint` are Keras's, made for a training that prunes.

A name is imported where it is first used (PEP 562), so that modules that need no TensorFlow, such as
`runner.pruning.masks`, are imported without it.

Example:
    >>> from runner import pruning
    >>> model = pruning.prune_low_magnitude(model, pruning.ConstantSparsity(0.5, begin_step=0))
    >>> model.fit(x, y, callbacks=[pruning.UpdatePruningStep()])
    >>> model = pruning.strip_pruning(model)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runner.pruning.registration import register_with_keras

if TYPE_CHECKING:
    from runner.pruning.best_epochs import EarlyStopping as EarlyStopping
    from runner.pruning.best_epochs import ModelCheckpoint as ModelCheckpoint
    from runner.pruning.callbacks import PruningSummaries as PruningSummaries
    from runner.pruning.callbacks import UpdatePruningStep as UpdatePruningStep
    from runner.pruning.custom_loops import settle_masks as settle_masks
    from runner.pruning.custom_loops import update_masks as update_masks
    from runner.pruning.policy import PruneForLatencyOnXNNPack as PruneForLatencyOnXNNPack
    from runner.pruning.policy import PruningPolicy as PruningPolicy
    from runner.pruning.prunable import PrunableLayer as PrunableLayer
    from runner.pruning.schedules import ConstantSparsity as ConstantSparsity
    from runner.pruning.schedules import ExponentialSparsity as ExponentialSparsity
    from runner.pruning.schedules import LinearSparsity as LinearSparsity
    from runner.pruning.schedules import PolynomialDecay as PolynomialDecay
    from runner.pruning.schedules import PruningSchedule as PruningSchedule
    from runner.pruning.strip import strip_pruning as strip_pruning
    from runner.pruning.structures import Block as Block
    from runner.pruning.structures import MByN as MByN
    from runner.pruning.structures import Structure as Structure
    from runner.pruning.structures import Unstructured as Unstructured
    from runner.pruning.wrap import prune_low_magnitude as prune_low_magnitude
    from runner.pruning.wrap import prune_scope as prune_scope
    from runner.pruning.wrapper import PruneLowMagnitude as PruneLowMagnitude

_MODULES = {
    "best_epochs": ("EarlyStopping", "ModelCheckpoint"),
    "callbacks": ("PruningSummaries", "UpdatePruningStep"),
    "custom_loops": ("settle_masks", "update_masks"),
    "policy": ("PruneForLatencyOnXNNPack", "PruningPolicy"),
    "prunable": ("PrunableLayer",),
    "schedules": (
        "ConstantSparsity",
        "ExponentialSparsity",
        "LinearSparsity",
        "PolynomialDecay",
        "PruningSchedule",
    ),
    "strip": ("strip_pruning",),
    "structures": ("Block", "MByN", "Structure", "Unstructured"),
    "wrap": ("prune_low_magnitude", "prune_scope"),
    "wrapper": ("PruneLowMagnitude",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


register_with_keras()

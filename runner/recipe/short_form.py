"""`learning_rate: 0.1` is short for a mapping, and an override of one of the mapping's keys keeps the number.

Hydra alone would put the new key in the number's place, so that `learning_rate.name=cosine` lost the 0.1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from runner.process.errors import UserError
from runner.recipe.file import RecipeFile

_WITHIN = ("training", "optimizer", "learning_rate")
_KEY = ".".join(("recipe", *_WITHIN))


def keep_written_rate(
    recipe: Mapping[str, Any],
    files: Sequence[RecipeFile],
    overrides: Mapping[str, str],
    where: Callable[[str], str],
) -> None:
    """Puts a learning rate that was written as a number back, as `initial`, where Hydra has overridden it.

    Args:
        recipe: The composed recipe as plain data; changed in place.
        files: The recipe's file and those it inherits from, each after its parents.
        overrides: What the command line gave, as it was written, by dotted key.
        where: Says for a dotted key where it was written.

    Raises:
        UserError: A number on the command line has overridden a key that is given before it.
    """
    keys = [key for key in overrides if key.startswith(f"{_KEY}.")]
    training = recipe.get("training")
    optimizer = training.get("optimizer") if isinstance(training, Mapping) else None
    if not keys or not isinstance(optimizer, dict):
        return
    composed = optimizer.get("learning_rate")
    if _is_number(composed):
        raise UserError(
            f"{where(keys[0])}: {_KEY}={composed} comes after it and takes its place. Write"
            f" {_KEY}.initial={composed} instead."
        )
    number = _written(files, overrides)
    if isinstance(composed, dict) and number is not None:
        optimizer["learning_rate"] = {"initial": number, **composed}


def _written(files: Sequence[RecipeFile], overrides: Mapping[str, str]) -> float | None:
    """Returns the number that was last written for the learning rate, None where it was none."""
    if _KEY in overrides:
        try:
            return float(overrides[_KEY].partition("=")[2])
        except ValueError:
            return None
    if any(_KEY.startswith(f"{key}.") for key in overrides):
        return None  # The whole optimizer was given anew.
    for file in reversed(files):
        node: Any = OmegaConf.to_container(file.config, resolve=False)
        for name in _WITHIN:
            node = node.get(name) if isinstance(node, dict) else None
        if node is not None:
            return node if _is_number(node) else None
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

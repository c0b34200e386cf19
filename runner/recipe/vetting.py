"""Checks that a recipe is plain data: no code, no Hydra, no control characters, numbers of 64 bits."""

import math
from collections.abc import Callable, Mapping

from runner.process.errors import UserError
from runner.process.wording import hidden_character, shown
from runner.recipe.interpolation import refuse_interpolations, values, written_key

# What Hydra's `instantiate` acts upon. A recipe is data and never names code.
_CODE_KEYS = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_"})
NAMES_CODE = (
    "a recipe is data and cannot name code; register your own schedules, models and datasets in a module"
    " and name it on the command line: plugins=[my_module]"
)
_LARGEST = 2**63 - 1
_LONGEST_NAME = 200


def vet(recipe: object, where: Callable[[str], str]) -> None:
    """Refuses what is not plain data, and data that nothing could mean.

    Args:
        recipe: A recipe as plain data, interpolations unresolved.
        where: Says for a dotted key where it was written.

    Raises:
        UserError: It has a `_target_` or the like, a `hydra` node, an interpolation that reaches beyond the
            recipe (`${oc.env:HOME}`) or would never end, a control character, a key that is no text, or a
            number that is not finite or beyond 64 bits.
    """
    if isinstance(recipe, Mapping) and "hydra" in recipe:
        raise UserError(
            f"{where('recipe.hydra')}: recipe.hydra: a recipe cannot set Hydra, which could run code; give"
            " hydra.KEY=VALUE on the command line"
        )
    _check_names(recipe, "recipe", where)
    named = code_keys(recipe, "recipe")
    if named:
        raise UserError(f"{where(named[0])}: {named[0]}: {NAMES_CODE}")
    for path, value in values(recipe):
        problem = _problem(value)
        if problem is not None:
            key = written_key(path)
            raise UserError(f"{where(key)}: {key} {problem}")
    refuse_interpolations(recipe, where)


def code_keys(value: object, key: str) -> list[str]:
    """Finds the dotted keys, at any depth below `key`, that name code."""
    if isinstance(value, Mapping):
        named = [f"{key}.{name}" for name in value if name in _CODE_KEYS]
        return named + [found for name, below in value.items() for found in code_keys(below, f"{key}.{name}")]
    if isinstance(value, list | tuple):
        return [found for index, below in enumerate(value) for found in code_keys(below, f"{key}[{index}]")]
    return []


def _check_names(value: object, key: str, where: Callable[[str], str]) -> None:
    if isinstance(value, Mapping):
        for name, below in value.items():
            problem = None if isinstance(name, str) else "which is no text: quote it"
            if isinstance(name, str) and len(name) > _LONGEST_NAME:
                problem = f"of {len(name):,} characters; {_LONGEST_NAME} are the most"
            if isinstance(name, str) and (hidden := hidden_character(name)):
                problem = f"with the control character {hidden}"
            if problem is not None:
                raise UserError(f"{where(key)}: {key} has the key {shown(name)}, {problem}")
            _check_names(below, f"{key}.{name}", where)
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            _check_names(below, f"{key}[{index}]", where)


def _problem(value: object) -> str | None:
    """Says what is wrong with one value, as the rest of "<key> ..."."""
    if isinstance(value, str):
        hidden = hidden_character(value)
        return None if hidden is None else f"is {shown(value)}, with the control character {hidden}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {shown(value)}, but numbers of a recipe are finite"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return f"is {shown(value)}, but whole numbers of a recipe have at most 64 bits"
    if value is None or isinstance(value, bool | int | float):
        return None
    return f"is {shown(value)}, but must be text, a number, true or false, a list or a mapping"

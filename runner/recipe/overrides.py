"""What overrides of a recipe mean beyond what Hydra does: short forms, leftovers, misspelled rules."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from runner.process.errors import UserError, did_you_mean
from runner.recipe.recipe_file import RecipeFile, lineage

if TYPE_CHECKING:
    from runner.recipe.recipe import Recipe
    from runner.recipe.rule import ScheduleSettings

_RATE = ("training", "optimizer", "learning_rate")
_RATE_KEY = ".".join(("recipe", *_RATE))
_RULE = re.compile(r"recipe\.layers\.(\w+)")


def keep_written_rate(
    recipe: Mapping[str, Any],
    files: Sequence[RecipeFile],
    overrides: Mapping[str, str],
    where: Callable[[str], str],
) -> None:
    """Puts a learning rate that was written as a number back, as `initial`, where Hydra has overridden it.

    `learning_rate: 0.1` is short for a mapping. Hydra alone would put a new key in its place, so that
    `learning_rate.name=cosine` lost the 0.1.

    Args:
        recipe: The composed recipe as plain data; changed in place.
        files: The recipe's file and those it inherits from, each after its parents.
        overrides: What the command line gave, as it was written, by dotted key.
        where: Says for a dotted key where it was written.

    Raises:
        UserError: A number on the command line has overridden a key that is given before it.
    """
    keys = [key for key in overrides if key.startswith(f"{_RATE_KEY}.")]
    optimizer = _below(recipe, *_RATE[:-1])
    if not keys or not isinstance(optimizer, dict):
        return
    composed = optimizer.get("learning_rate")
    if _is_number(composed):
        raise UserError(
            f"{where(keys[0])}: {_RATE_KEY}={composed} comes after it and takes its place. Write"
            f" {_RATE_KEY}.initial={composed} instead."
        )
    number = _written_rate(files, overrides)
    if isinstance(composed, dict) and number is not None:
        optimizer["learning_rate"] = {"initial": number, **composed}


def mark_leftovers(recipe: "Recipe", overrides: Collection[str]) -> "Recipe":
    """Notes in a recipe's schedules which arguments were written for another one.

    `schedule.name` alone can be swept, though schedules take different arguments beside the four that they
    share. So an argument belongs to the schedule that was named where it was written. Where a recipe that
    inherits, or the command line, names another one, the argument stays if that one takes it; if not it is
    left out, with a note. What is written beside the name itself, or later, is an error if it does not fit.

    Args:
        recipe: As composed of its files and the command line.
        overrides: The dotted keys that the command line gave.

    Returns:
        The recipe, `written_for` of its schedules filled in. Which of them go is for the registry of
            schedules.
    """
    files = lineage(recipe.name)
    rules = []
    for rule in recipe.layers:
        if rule.schedule is not None:
            found = _written_for(rule.schedule, rule.key, files, overrides)
            rule = replace(rule, schedule=replace(rule.schedule, written_for=found))
        rules.append(rule)
    return replace(recipe, layers=tuple(rules))


def with_rule_hints(message: str, name: str, overrides: Iterable[str]) -> str:
    """Adds to a message about a rule that only the command line has which rule of the recipe may be meant.

    A new rule on the command line is no mistake, so nothing is said where it fits its model.

    Args:
        message: What is wrong.
        name: The recipe.
        overrides: Dotted keys that the command line gives, such as `recipe.layers.structual.m_by_n`.
    """
    named = set(_RULE.findall(message))
    written = dict.fromkeys(
        found[1] for key in overrides if (found := _RULE.match(key)) and found[1] in named
    )
    if not written:
        return message
    keys = {key for file in lineage(name) for key in file.lines}
    known = list(dict.fromkeys(found[1] for key in sorted(keys) if (found := _RULE.match(key))))
    lines = [message]
    for rule in written:
        hint = did_you_mean(rule, known)
        if rule not in known and hint:
            lines.append(f"The recipe {name} has no rule '{rule}'.{hint}")
    return "\n".join(lines)


def _written_for(
    schedule: "ScheduleSettings", rule: str, files: Sequence[RecipeFile], overrides: Collection[str]
) -> dict[str, str]:
    name: object = None
    written_for: dict[str, object] = {}
    for file in files:
        part = _below(OmegaConf.to_container(file.config, resolve=False), "layers", rule, "schedule")
        if isinstance(part, Mapping):
            name = part.get("name", name)
            written_for |= dict.fromkeys((key for key in part if key != "name"), name)
    return {
        key: by
        for key, by in written_for.items()
        if isinstance(by, str)
        and by != schedule.name
        and "${" not in by  # A name that refers to another has no earlier one to tell.
        and key in schedule.arguments
        and f"recipe.layers.{rule}.schedule.{key}" not in overrides
    }


def _written_rate(files: Sequence[RecipeFile], overrides: Mapping[str, str]) -> float | None:
    """Returns the number that was last written for the learning rate, None where it was none."""
    if _RATE_KEY in overrides:
        try:
            return float(overrides[_RATE_KEY].partition("=")[2])
        except ValueError:
            return None
    if any(_RATE_KEY.startswith(f"{key}.") for key in overrides):
        return None  # The whole optimizer was given anew.
    for file in reversed(files):
        rate = _below(OmegaConf.to_container(file.config, resolve=False), *_RATE)
        if rate is not None:
            return rate if _is_number(rate) else None
    return None


def _below(value: Any, *keys: str) -> Any:
    """Returns what mappings hold under a path of keys; None where they hold nothing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

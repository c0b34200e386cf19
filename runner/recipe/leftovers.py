"""Finds the arguments of a schedule that were written for another one, before its name was overridden.

`schedule.name` alone can be swept, though schedules take different arguments beside the four that they
share. So an argument belongs to the schedule that was named where it was written. Where a recipe that
inherits, or the command line, names another one, the argument stays if that one takes it; if not it is
left out, with a note. What is written beside the name itself, or later, is an error if it does not fit.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from runner.recipe.file import RecipeFile, lineage

if TYPE_CHECKING:
    from runner.recipe.recipe import Recipe
    from runner.recipe.rule import ScheduleSettings


def mark_leftovers(recipe: "Recipe", overrides: Collection[str]) -> "Recipe":
    """Notes in a recipe's schedules which arguments were written for another one.

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
        schedule = rule.schedule
        if schedule is not None:
            key = f"recipe.layers.{rule.key}.schedule"
            given = {name for name in schedule.arguments if f"{key}.{name}" in overrides}
            found = _written_for(schedule, list(_written(files, rule.key)), given)
            rule = replace(rule, schedule=replace(schedule, written_for=found))
        rules.append(rule)
    return replace(recipe, layers=tuple(rules))


def _written(files: list[RecipeFile], rule: str) -> Iterator[Mapping[str, object]]:
    """Gives what each file in turn says of one rule's schedule."""
    for file in files:
        found: object = OmegaConf.to_container(file.config, resolve=False)
        for key in ("layers", rule, "schedule"):
            found = found.get(key) if isinstance(found, Mapping) else None
        yield found if isinstance(found, Mapping) else {}


def _written_for(
    schedule: "ScheduleSettings", written: list[Mapping[str, object]], given: Collection[str]
) -> dict[str, str]:
    name: object = None
    written_for: dict[str, object] = {}
    for part in written:
        name = part.get("name", name)
        written_for |= dict.fromkeys((key for key in part if key != "name"), name)
    return {
        key: by
        for key, by in written_for.items()
        if isinstance(by, str)
        and by != schedule.name
        and "${" not in by  # A name that refers to another has no earlier one to tell.
        and key in schedule.arguments
        and key not in given
    }

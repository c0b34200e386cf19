"""What a sweep is about to start."""

from dataclasses import dataclass

from runner.recipe.recipe import Recipe
from runner.settings import RunSettings


@dataclass(frozen=True)
class PlannedJob:
    """One job that a sweep is about to start.

    Args:
        overrides: As Hydra gives them to it.
        recipe: The experiment.
        settings: Its settings.
    """

    overrides: tuple[str, ...]
    recipe: Recipe
    settings: RunSettings

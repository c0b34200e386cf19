"""Whether all that a recipe names is registered: what can be told before any data or model is there."""

from runner.datasets.dataset import DATASETS
from runner.models.builder import MODELS
from runner.plan.schedule_builders import check_schedule, drop_leftovers
from runner.recipe.recipe import Recipe
from runner.training.optimizers import check_optimizer


def check_registered(recipe: Recipe) -> None:
    """Looks up every data set, model, optimizer, learning rate and schedule that a recipe names.

    Args:
        recipe: The experiment; plugins have been loaded.

    Raises:
        UserError: A name or an argument of one is unknown.
    """
    recipe, _ = drop_leftovers(recipe)
    data, model = recipe.data, recipe.model
    DATASETS.arguments(data.name, data.arguments, where="recipe.data")
    if data.fallback is not None:
        DATASETS.get(data.fallback, where="recipe.data.fallback")
    if model.name is not None:
        MODELS.arguments(model.name, model.arguments, where="recipe.model")
    check_optimizer(recipe.training.optimizer)
    for rule in recipe.layers:
        if rule.schedule is not None:
            check_schedule(rule.schedule, where=f"recipe.layers.{rule.key}.schedule")

"""What a search looks for, and among which values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.compare.score import more_is_better
from runner.datasets import ResolvedData, data_key, load_resolved
from runner.process.errors import UserError, did_you_mean
from runner.process.wording import counted
from runner.recipe.objective import Objective
from runner.recipe.recipe import Recipe
from runner.records.swept_keys import short_keys
from runner.search.metric_names import metric_names


@dataclass(frozen=True)
class Search:
    """A search that is about to begin.

    Args:
        objectives: What it looks for, one or two.
        keys: The dotted keys whose values it chooses, without `recipe.` in front.
        fixed: The others that the command gives a value for, written alike.
        trials: How many jobs it starts.
        at_once: How many of them it starts before it reads their results.
    """

    objectives: tuple[Objective, ...]
    keys: tuple[str, ...]
    fixed: tuple[str, ...]
    trials: int
    at_once: int

    @property
    def name(self) -> str:
        """The search's name: `search of schedule.sparsity`."""
        return f"search of {', '.join(short_keys(self.keys).values())}"

    @property
    def first_line(self) -> str:
        """What is said of it first."""
        wanted = " and ".join(objective.words for objective in self.objectives)
        told = f"{self.name} for {wanted}: {counted(self.trials, 'trial')}"
        return f"{told}, {ON_TEST_SET}" if searched_on_test_set(self.objectives) else told


ON_TEST_SET = "searched on the test set, so that its test scores are no estimate for new data"


def searched_on_test_set(objectives: Sequence[Objective]) -> bool:
    """Tells whether a search sees the test set."""
    return any(objective.on_test_set for objective in objectives)


def check_objectives(
    objectives: Sequence[Objective], recipes: Sequence[Recipe], data: Mapping[str, ResolvedData]
) -> None:
    """Refuses objectives that the runs will not log, or that point the wrong way.

    Args:
        objectives: What the search looks for.
        recipes: Those that it will run, as far as they are known.
        data: What was found for their data, by `data_key`.

    Raises:
        UserError: There is such an objective.
    """
    for objective in objectives:
        better = more_is_better(objective.metric)
        if better is not None and better != objective.maximized:
            right = Objective(objective.metric, maximized=better)
            raise UserError(
                f"objective: {objective} asks for {objective.words}, and {'more' if better else 'less'} of it"
                f" is better. Write objective={right}"
            )
    for recipe in recipes:
        dataset = load_resolved(recipe.data, data[data_key(recipe.data)])
        known = metric_names(recipe, classifies=dataset.num_classes is not None)
        for objective in objectives:
            if objective.metric.startswith("val/") and not recipe.data.validation_split:
                raise UserError(
                    f"objective: {objective.metric} is measured on validation samples, and recipe"
                    f" {recipe.name} has none. Set some aside: recipe.data.validation_split=0.1"
                )
            if objective.metric not in known:
                raise UserError(
                    f"objective: recipe {recipe.name} will log no {objective.metric}."
                    f"{did_you_mean(objective.metric, known)} It will log {', '.join(known)}"
                )

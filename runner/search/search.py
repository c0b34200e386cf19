"""The request of a search: objectives, searched keys, number of trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.compare.score import more_is_better
from runner.datasets import ResolvedData, data_key, load_resolved
from runner.process.errors import UserError, did_you_mean
from runner.process.wording import counted
from runner.recipe.objective import Objective
from runner.recipe.recipe import Recipe
from runner.records.swept_keys import short_keys


@dataclass(frozen=True)
class Search:
    """A search that is about to begin.

    Args:
        objectives: One or two.
        keys: The dotted keys whose values it samples, without `recipe.` in front.
        fixed: The keys that the command gives one value, written alike.
        trials: How many jobs it starts at most.
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
        """The line that is printed before it begins."""
        wanted = " and ".join(objective.words for objective in self.objectives)
        line = f"{self.name} for {wanted}: {counted(self.trials, 'trial')}"
        return f"{line}, {ON_TEST_SET}" if searched_on_test_set(self.objectives) else line


ON_TEST_SET = "searched on the test set, so that its test scores are no estimate for new data"


def searched_on_test_set(objectives: Sequence[Objective]) -> bool:
    """Tells whether a search sees the test set."""
    return any(objective.on_test_set for objective in objectives)


def check_objectives(
    objectives: Sequence[Objective], recipes: Sequence[Recipe], data: Mapping[str, ResolvedData]
) -> None:
    """Refuses objectives that the runs will not log, or that point the wrong way.

    Args:
        objectives: Of the search.
        recipes: Examples of those that it will run.
        data: Their resolved data, by `data_key`.

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


def metric_names(recipe: Recipe, *, classifies: bool) -> tuple[str, ...]:
    """Returns the names in MLflow of the metrics that a run of a recipe will log.

    Left out are the metrics of single layers, and those of dense models, which pruning does not change.

    Args:
        recipe: The experiment.
        classifies: Whether its data has classes.
    """
    score = "accuracy" if classifies else "mean_squared_error"
    training = recipe.training
    watched = ("loss", *(training.metrics if training.metrics is not None else (score,)))
    splits = ("val", "train") if recipe.data.validation_split else ("train",)
    of_file = (score, "loss", "bytes", "gzip_bytes", "latency_ms", "latency_p90_ms")
    return (
        *(f"{split}/{name}" for split in splits for name in watched),
        *(f"test/{name}" for name in (score, "loss")),
        *(f"tflite_{variant}/{name}" for variant in recipe.export.variants for name in of_file),
        *("model/weights", "model/nonzero_weights", "model/keras_gzip_bytes"),
        *("sparsity/_model", "sparsity/_pruned_layers"),
        "training/steps",
    )

"""The stage of a run that lets pruning begin with dense weights, which equal beginnings share."""

from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

from runner.process.wording import counted
from runner.recipe.plugin_content import plugin_content
from runner.recipe.recipe import Recipe
from runner.records.provenance import computed_with
from runner.records.source_content import DENSE_PARTS, source_content
from runner.report.display import Display
from runner.run.stages import Prepared
from runner.settings import RunSettings
from runner.training import Progress, make_deterministic
from runner.training.dense import dense_steps, train_dense
from runner.training.dense_checkpoint import (
    DamagedCheckpoint,
    DenseCheckpoint,
    DenseResult,
    load_checkpoint,
    shared_checkpoint,
)
from runner.training.dense_key import dense_ingredients, dense_key


def start_dense(
    prepared: Prepared,
    recipe: Recipe,
    settings: RunSettings,
    display: Display,
    record: Callable[[int, dict[str, float]], None],
    sweep: str | None = None,
) -> DenseCheckpoint | None:
    """Puts the dense weights into the prepared model, where the recipe asks for any.

    What follows is the same, to the bit, whether they were trained here, by another run, or at another time:
    all randomness begins anew before the dense training and after this stage.

    Args:
        prepared: Its model gets the weights.
        recipe: The experiment.
        settings: Seed, outputs, plugins.
        display: Shows the training.
        record: Called with each step at which something was measured, and `dense/loss` and so on; where the
            weights were there already, with what was measured when they were trained.
        sweep: The run, in MLflow, of the sweep that this is a job of; None for a run by itself.

    Returns:
        The checkpoint; None without `dense_epochs`.

    Raises:
        RunFailed: The dense training failed, or its checkpoint cannot be kept.
    """
    training, split = recipe.training, recipe.data.validation_split
    if not training.dense_epochs:
        return None
    steps = dense_steps(training, prepared.data, split)

    def watch(progress: Progress) -> None:
        display.training(progress, training.dense_epochs, steps)

    def record_named(step: int, metrics: Mapping[str, float]) -> None:
        record(step, {f"dense/{name}": value for name, value in metrics.items()})

    def train() -> tuple[list[NDArray[Any]], DenseResult]:
        display.say("dense training")
        make_deterministic(settings.seed)
        return train_dense(
            prepared.model,
            prepared.data,
            prepared.task,
            training,
            validation_split=split,
            watch=watch,
            record=record_named,
        )

    with display.stage("dense", "looking for the dense weights"):
        checkpoint = shared_checkpoint(
            settings.outputs / "dense",
            _ingredients(prepared, recipe, settings),
            prepared.model,
            train=train,
            on_wait=display.say,
            warn=lambda warning: display.note(warning, "warning"),
            sweep=sweep,
        )
        if checkpoint.reused:
            for step, metrics in checkpoint.result.history:
                record_named(step, metrics)
    make_deterministic(settings.seed)
    display.print(_told(checkpoint))
    return checkpoint


def dense_plan(prepared: Prepared, recipe: Recipe, settings: RunSettings) -> str | None:
    """Says what of dense training a run would begin with; None for nothing. Writes and trains nothing."""
    training = recipe.training
    if not training.dense_epochs:
        return None
    ingredients = _ingredients(prepared, recipe, settings)
    folder = settings.outputs / "dense" / dense_key(ingredients)
    try:
        result = load_checkpoint(folder, ingredients)
        state = "not trained yet" if result is None else f"trained before: {_worth(result)}"
    except DamagedCheckpoint as damage:
        state = f"damaged, to be trained anew: {damage}"
    steps = dense_steps(training, prepared.data, recipe.data.validation_split)
    epochs = counted(training.dense_epochs, "epoch")
    trained = f"{counted(steps, 'step')} of dense training ({epochs})"
    return f"Before pruning: {trained}, shared in {folder} ({state})"


def _ingredients(prepared: Prepared, recipe: Recipe, settings: RunSettings) -> dict[str, Any]:
    return dense_ingredients(
        recipe,
        prepared.data,
        seed=settings.seed,
        computed_with=computed_with(),
        source=source_content(DENSE_PARTS),
        files=prepared.model_sha256,
        plugins=plugin_content(settings.plugins),
    )


def _told(checkpoint: DenseCheckpoint) -> str:
    result = checkpoint.result
    how = "trained before" if checkpoint.reused else f"trained in {result.seconds:.1f} s"
    return f"dense weights {checkpoint.folder} ({how}, {counted(result.steps, 'step')}): {_worth(result)}"


def _worth(result: DenseResult) -> str:
    return f"loss {result.loss:.4f}" if result.accuracy is None else f"accuracy {result.accuracy:.4f}"

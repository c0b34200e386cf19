"""The stage that gives pruning dense weights to begin with; runs that begin alike share them."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from runner.process.wording import counted
from runner.report.parts import Run
from runner.training import make_deterministic
from runner.training.dense import dense_steps, train_dense
from runner.training.dense_checkpoint import (
    DamagedCheckpoint,
    DenseCheckpoint,
    DenseResult,
    load_checkpoint,
    shared_checkpoint,
)
from runner.training.dense_key import dense_ingredients, dense_key


def start_dense(run: Run) -> DenseCheckpoint | None:
    """Puts the dense weights into the prepared model, where the recipe asks for any.

    What follows is the same, to the bit, whether they were trained here, by another run, or at another time:
    all random generators are seeded before the dense training and after this stage. `dense/loss` and so on
    are recorded in every case: of weights that exist already, as measured when they were trained.

    Returns:
        The checkpoint; None without `dense_epochs`.

    Raises:
        RunFailed: The dense training failed, or its checkpoint cannot be kept.
    """
    prepared, training, seed = run.prepared, run.recipe.training, run.settings.seed
    if not training.dense_epochs:
        return None

    def record(step: int, metrics: Mapping[str, float]) -> None:
        run.record(step, {f"dense/{name}": value for name, value in metrics.items()})

    def train() -> tuple[list[NDArray[Any]], DenseResult]:
        run.say("dense training")
        make_deterministic(seed)
        steps = dense_steps(training, prepared.split)
        watch = run.watch(training.dense_epochs, steps)
        return train_dense(
            prepared.model, prepared.split, prepared.task, training, watch=watch, record=record
        )

    with run.stage("dense", "looking for the dense weights"):
        checkpoint = shared_checkpoint(
            run.settings.outputs / "dense",
            _ingredients(run),
            prepared.model,
            train=train,
            on_wait=run.say,
            warn=lambda warning: run.reporter.note(warning, "warning"),
            sweep=run.member.parent_run_id if run.member else None,
        )
        if checkpoint.reused:
            for step, metrics in checkpoint.result.history:
                record(step, metrics)
    make_deterministic(seed)
    result = checkpoint.result
    how = "trained before" if checkpoint.reused else f"trained in {result.seconds:.1f} s"
    trained = f"{how}, {counted(result.steps, 'step')}"
    run.reporter.print(f"dense weights {checkpoint.folder} ({trained}): {_score(result)}")
    run.tracker.set_tags({"dense_checkpoint": checkpoint.key})
    return checkpoint


def dense_plan(run: Run) -> list[str]:
    """Describes, in a line, the dense training that a run would begin with; trains and writes nothing."""
    training = run.recipe.training
    if not training.dense_epochs:
        return []
    ingredients = _ingredients(run)
    folder = run.settings.outputs / "dense" / dense_key(ingredients)
    try:
        result = load_checkpoint(folder, ingredients)
        state = "not trained yet" if result is None else f"trained before: {_score(result)}"
    except DamagedCheckpoint as damage:
        state = f"damaged, to be trained anew: {damage}"
    steps = counted(dense_steps(training, run.prepared.split), "step")
    epochs = counted(training.dense_epochs, "epoch")
    return [f"Before pruning: {steps} of dense training ({epochs}), shared in {folder} ({state})"]


def _ingredients(run: Run) -> dict[str, Any]:
    prepared = run.prepared
    return dense_ingredients(
        run.recipe, run.settings.seed, prepared.data, prepared.split, prepared.ingredients
    )


def _score(result: DenseResult) -> str:
    return f"loss {result.loss:.4f}" if result.accuracy is None else f"accuracy {result.accuracy:.4f}"

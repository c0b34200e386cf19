"""The stage that prunes: wraps the model by the plan and trains it."""

from runner.plan import wrap_model
from runner.report.parts import Fitted, Run
from runner.training import train


def fit(run: Run) -> Fitted:
    """Wraps the model by the plan and trains it.

    Returns:
        The trained model, its masks at the plan's levels, and its history.

    Raises:
        RunFailed: The loss or a weight became NaN or infinite.
    """
    prepared, training = run.prepared, run.recipe.training
    with run.stage("train", "training"):
        wrapped = wrap_model(prepared.plan, prepared.model, run.settings.seed)
        wrapped.compile(
            optimizer=prepared.optimizer,
            loss=prepared.task.loss,
            metrics=prepared.task.compiled_metrics(),
            jit_compile=False,
        )
        history = train(
            wrapped,
            prepared.split,
            training,
            prepared.plan,
            watch=run.watch(training.epochs, prepared.plan.total_steps),
            record=run.record,
        )
    return Fitted(wrapped, history)

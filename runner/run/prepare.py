"""The first stage of a run: loads the data, builds the model and makes the plan; nothing is written."""

from dataclasses import replace

import tf_keras

from runner.datasets import Dataset, Split, load_dataset, load_resolved
from runner.export.variants import VARIANTS
from runner.models import build_model
from runner.models.content import with_content
from runner.models.input_range import range_notes
from runner.plan import Plan, check_sharing, make_plan
from runner.plan.named_layers import listed, named_layers
from runner.process.errors import UserError
from runner.recipe.pattern import fits_any
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.report.parts import Prepared, Run
from runner.training import build_optimizer, make_deterministic, reseed, task_for
from runner.training.augmentation import check_augmentation
from runner.training.dense import dense_steps
from runner.training.description import described
from runner.verify.file_warnings import file_warnings


def prepare(run: Run) -> Prepared:
    """Loads the data, builds the model and makes the plan.

    Raises:
        UserError: The recipe does not fit its data or its model.
    """
    recipe, training = run.recipe, run.recipe.training
    for variant in recipe.export.variants:
        VARIANTS.get(variant, where="recipe.export.variants")
    make_deterministic(run.settings.seed)
    data = _load(run)
    # What loading drew depends on where the data came from; the model's first weights may not.
    reseed(run.settings.seed)
    with run.stage("model", "building the model"):
        model, files = with_content(recipe.model, lambda: _build(run, data))
        check_reference(recipe, model)
        check_augmentation(training.augmentation, data.input_shape, data.target_shape)
        task = task_for(training, model, data.num_classes)
    with run.stage("plan", "planning"):
        split = data.split(recipe.data.validation_split)
        plan = _plan(recipe, data, split, model)
        optimizer = build_optimizer(training.optimizer, plan.total_steps, plan.steps_per_epoch)
        if training.dense_epochs:  # So that errors in its learning rate are raised now.
            steps = dense_steps(training, split)
            build_optimizer(training.optimizer, steps, plan.steps_per_epoch, phase="dense training")
    run.reporter.print(described(training, plan.total_steps, plan.steps_per_epoch))
    return Prepared(
        data=data,
        split=split,
        model=model,
        trained=starts_trained(recipe, model),
        task=task,
        plan=plan,
        optimizer=optimizer,
        ingredients=Ingredients.read(run.settings, data.sha256, files),
    )


def _load(run: Run) -> Dataset:
    """Loads the data: what the sweep found, where the run is a job of one."""
    recipe, resolved = run.recipe, run.member.data if run.member else None
    with run.stage("data", f"loading {recipe.data.name}"):
        data = load_dataset(recipe.data) if resolved is None else load_resolved(recipe.data, resolved)
    if recipe.budget is not None and recipe.budget.judges_accuracy and data.num_classes is None:
        raise UserError(
            "recipe.budget: asks for an accuracy, but the data has no classes; leave max_accuracy_drop and"
            " min_accuracy out"
        )
    note = f" ({data.note})" if data.note else ""
    run.reporter.print(f"recipe {recipe.name}, seed {run.settings.seed}, data {data.source}{note}")
    return data


def _build(run: Run, data: Dataset) -> tf_keras.Model:
    return build_model(
        run.recipe.model,
        input_shape=data.input_shape,
        num_classes=data.num_classes,
        target_shape=data.target_shape,
        data_notes=data.warnings,
        tell=run.reporter.print,
    )


def _plan(recipe: Recipe, data: Dataset, split: Split, model: tf_keras.Model) -> Plan:
    """Makes the plan; its warnings are those of the data, the input's range, the rules and the files."""
    check_sharing(model)
    plan = make_plan(
        recipe.layers,
        model,
        samples=len(split.x_train),
        batch_size=recipe.training.batch_size,
        epochs=recipe.training.epochs,
    )
    ranges = range_notes(model, data.x_train)
    files = file_warnings(plan, model, recipe.export.variants)
    return replace(plan, warnings=(*data.warnings, *ranges, *plan.warnings, *files))


def starts_trained(recipe: Recipe, model: tf_keras.Model) -> bool:
    """Whether pruning begins with trained weights, so that the dense model's accuracy has a meaning."""
    if recipe.training.dense_epochs:
        return True
    loaded = recipe.model.path is not None or recipe.model.weights is not None
    return loaded and not _left_as_built(recipe, model)


def check_reference(recipe: Recipe, model: tf_keras.Model) -> None:
    """Refuses a `max_accuracy_drop` that would count from a model of which a part is random.

    Raises:
        UserError: The budget limits the drop, and the weights file was kept from some layers.
    """
    asked = recipe.budget is not None and recipe.budget.max_accuracy_drop is not None
    left = _left_as_built(recipe, model)
    if asked and left and not recipe.training.dense_epochs:
        raise UserError(
            "recipe.budget.max_accuracy_drop: there is no dense accuracy for a drop to count from: of the"
            f" model that pruning begins with, {listed(left)} {'is' if len(left) == 1 else 'are'} left as"
            " built by recipe.model.weights_ignore, untrained. Train the dense model first"
            " (recipe.training.dense_epochs=N), or set a limit that counts from nothing:"
            " recipe.budget.min_accuracy"
        )


def _left_as_built(recipe: Recipe, model: tf_keras.Model) -> list[str]:
    """Names the layers that a weights file was kept from, such as another head: they are untrained."""
    ignored = recipe.model.weights_ignore
    return [
        named.name for named in named_layers(model) if named.layer.weights and fits_any(ignored, named.name)
    ]

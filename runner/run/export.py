"""The stage that writes the TFLite files: converts, runs and times them, and checks each in its own bytes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tf_keras

from runner.datasets import Dataset
from runner.export.advice import Advice, Input, Zeros, advise
from runner.export.budget import Reference, Verdict, judge_budget
from runner.export.exporter import Attempt, Exporter
from runner.export.graph import in_batches, input_name, write_graph
from runner.export.measure import Exported
from runner.export.variants import VARIANTS, Variant
from runner.plan.matching import listed, named_layers
from runner.pruning.copying import copy_model
from runner.pruning.structures import Block
from runner.recipe.export import Budget, Export
from runner.report.parts import Exports, Proof, Run
from runner.training import predicted
from runner.verify import SparsityCheck, broken_encodings, check_file, compare_outputs, rounding_depth
from runner.verify.file_warnings import embedding_names

_COMPARED_SAMPLES = 32
_DENSE = "dense_"


@dataclass(frozen=True)
class _Order:
    """One file to be made."""

    name: str
    variant: type[Variant]
    dense: bool
    target: Path


def export(run: Run, exporter: Exporter) -> Exports:
    """Writes, measures and checks every variant, and the dense model's files beside them.

    A file that cannot be made, or does not run, is part of the result; the others are made all the same.

    Args:
        run: The files are `model_<variant>.tflite` and `dense_<variant>.tflite` in its folder.
        exporter: Its child process does all that may crash.
    """
    orders = _orders(run.recipe.export, run.folder)
    attempts = _attempts(run, exporter, orders)
    with run.stage("export", "exporting: checking the files"):
        measured = [_measured(run, attempt) for attempt in attempts]
        own = [attempt for attempt, order in zip(attempts, orders, strict=True) if not order.dense]
        compared = run.prepared.split.x_test[:_COMPARED_SAMPLES]
        checks = {attempt.name: _check(exporter, attempt, run.proof, compared) for attempt in own}
    files = measured[: len(own)]
    dense = [replace(file, variant=file.variant.removeprefix(_DENSE)) for file in measured[len(own) :]]
    failed = {name for name, check in checks.items() if not check.passed}
    dense_scores = _dense_scores(run, dense)
    budget = run.recipe.budget
    return Exports(
        files=files,
        dense=dense,
        check=SparsityCheck(
            tuple(row for check in checks.values() for row in check.rows),
            tuple(problem for check in checks.values() for problem in check.problems),
        ),
        advice=_advice(run, files, dense, failed),
        dense_scores=dense_scores,
        budget=None if budget is None else judged(budget, files, run.proof.scores, dense_scores),
    )


def _orders(asked: Export, folder: Path) -> list[_Order]:
    """Lists the files: the pruned model's as asked, then those of the dense model's they compare with."""
    own = [(name, VARIANTS.get(name, where="recipe.export.variants")) for name in asked.variants]
    orders = [_Order(name, kind, False, folder / f"model_{name}.tflite") for name, kind in own]
    if asked.dense:
        for name in dict.fromkeys(["float32", *(kind.dense for _, kind in own)]):
            kind = VARIANTS.get(name, where="recipe.export.variants")
            orders.append(_Order(_DENSE + name, kind, True, folder / f"{_DENSE}{name}.tflite"))
    return orders


def _attempts(run: Run, exporter: Exporter, orders: Sequence[_Order]) -> list[Attempt]:
    """Converts, runs and times the files; the dense model's are run where its accuracy has a meaning."""
    prepared, model = run.prepared, run.proof.model
    with run.stage("export", "exporting: writing the graph"):
        samples = exporter.keep("test", prepared.split.x_test)
        chosen = calibration_sample(prepared.split.x_train, run.recipe.export.calibration_samples)
        calibration = exporter.keep("calibration", in_batches(model, chosen))
        graphs = {False: _graph(model, exporter.folder / "pruned")}
        if run.recipe.export.dense:
            graphs[True] = _graph(_dense_twin(run), exporter.folder / "dense")
    attempts = []
    for order in orders:
        with run.stage("export", f"exporting: converting {order.name}"):
            graph = graphs[order.dense]
            attempts.append(
                Attempt(order.name, error=graph)
                if isinstance(graph, str)
                else exporter.convert(order.name, graph, order.variant, order.target, calibration)
            )
    for number, order in enumerate(orders):
        if prepared.trained or not order.dense:
            with run.stage("export", f"exporting: evaluating {order.name}"):
                attempts[number] = exporter.run(attempts[number], samples)
    with run.stage("export", f"exporting: timing {len(orders)} files"):
        return exporter.time(attempts, samples)


def calibration_sample(training_samples: np.ndarray, count: int) -> np.ndarray:
    """Chooses training samples to calibrate on, the same ones whatever the run's seed.

    Args:
        training_samples: `[n, ...]`.
        count: How many; all where there are fewer.
    """
    chosen = np.random.default_rng(0).permutation(len(training_samples))[:count]
    return training_samples[np.sort(chosen)]


def _graph(model: tf_keras.Model, folder: Path) -> Path | str:
    """Writes a model's graph; what TensorFlow says where it cannot is the error of every file made of it."""
    try:
        return write_graph(model, folder)
    except Exception as error:  # A model may hold anything, so that saving it raises errors of every kind.
        return f"TensorFlow cannot write the graph of '{model.name}': {error or type(error).__name__}"


def _dense_twin(run: Run) -> tf_keras.Model:
    """Returns the dense model that differs from the pruned one in nothing but the zeros.

    Where pruning began with trained weights, it is that model itself. An untrained one has biases of zero and
    batch norms that do nothing, which the converter leaves out of a file: its copy has the trained weights,
    and in the place of the zeros those that it began with.
    """
    if run.prepared.trained:
        return run.prepared.model
    twin = copy_model(run.prepared.model, lambda _: None)
    trained = {named.name: named.layer for named in named_layers(run.proof.model)}
    for named in named_layers(twin):
        pairs = zip(named.layer.get_weights(), trained[named.name].get_weights(), strict=True)
        named.layer.set_weights([np.where(end == 0, begin, end) for begin, end in pairs])
    return twin


def _measured(run: Run, attempt: Attempt) -> Exported:
    if attempt.error is not None or attempt.outputs is None:
        return attempt.measured({})
    return attempt.measured(run.prepared.task.score(run.prepared.split.y_test, attempt.outputs))


def _check(exporter: Exporter, attempt: Attempt, proof: Proof, compared: np.ndarray) -> SparsityCheck:
    """Checks the zeros, encodings and outputs of one of the pruned model's files."""
    if attempt.path is None:
        return SparsityCheck(())
    rows = check_file(proof.expected, attempt.path, attempt.name)
    problems = broken_encodings(attempt.path, attempt.name)
    problems += _differences(exporter, attempt, attempt.path, proof, compared)
    return SparsityCheck(tuple(rows), tuple(problems))


def _differences(
    exporter: Exporter, attempt: Attempt, path: Path, proof: Proof, samples: np.ndarray
) -> list[str]:
    variant = VARIANTS.get(attempt.name, where="recipe.export.variants")
    tolerance = variant.tolerance(rounding_depth(proof.model))

    def compare(outputs: np.ndarray) -> str | None:
        wanted, given = proof.outputs[: len(samples)], outputs[: len(samples)]
        return compare_outputs(wanted, given, path, tolerance=tolerance, step=attempt.output_step)

    problem = None if attempt.outputs is None else compare(attempt.outputs)
    if problem is None:
        return []
    plain = exporter.run(attempt, exporter.keep("compared", samples), delegate=False)
    if plain.error is None and plain.outputs is not None and compare(plain.outputs) is None:
        problem += (
            "; TFLite's own kernels agree with Keras: it is XNNPACK, which TFLite leaves the work to by"
            " default, that computes this file wrongly"
        )
    elif variant.rounds_input and (names := embedding_names(proof.model)):
        problem += (
            f". Its input is rounded to 256 levels, and so are the numbers that {listed(names)} (embedding)"
            " looks up: use dynamic_range or float16, which leave the input as it is"
        )
    return [problem]


def _advice(
    run: Run, files: Sequence[Exported], dense: Sequence[Exported], failed: Collection[str]
) -> dict[str, Advice]:
    model, structures = run.proof.model, [row.structure for row in run.prepared.plan.pruned]
    blocks = frozenset(structure.rows for structure in structures if isinstance(structure, Block))
    return advise(
        files,
        {file.variant: file for file in dense},
        Zeros(run.proof.sparsity["pruned_layers"], blocks),
        Input(input_name(model), tuple(model.inputs[0].shape[1:])),
        failed,
    )


def _dense_scores(run: Run, dense: Sequence[Exported]) -> Mapping[str, float] | None:
    """Scores the weights that pruning began with on the test set; None where they are not trained.

    Those that were trained before the run are scored here, by the dense float32 file where it was run.
    """
    if run.dense is not None:
        return run.dense.result.scores
    prepared = run.prepared
    if not prepared.trained:
        return None
    with run.stage("evaluate", "evaluating the dense model"):
        scored = [file.scores for file in dense if file.variant == "float32" and file.scores]
        x, y = prepared.split.x_test, prepared.split.y_test
        scores = scored[0] if scored else prepared.task.score(y, predicted(prepared.model, x))
    if warning := guessing(scores, prepared.data):
        run.reporter.print(f"warning: {warning}")
    return scores


def guessing(dense: Mapping[str, float], data: Dataset) -> str | None:
    """Warns of a model that is no better than chance: a file does not say whether its head was trained.

    Args:
        dense: Its scores.
        data: What it was scored on.

    Returns:
        The warning; None for a model that has learnt something, and for a regression.
    """
    if "accuracy" not in dense or data.num_classes is None:
        return None
    guessed = np.unique(data.y_test, return_counts=True)[1].max() / len(data.y_test)
    if dense["accuracy"] > guessed:
        return None
    return (
        f"the model that pruning began with has accuracy {dense['accuracy']:.4f}, no better than always"
        f" naming the most frequent class ({guessed:.4f}). If a part of it is untrained, a drop from it means"
        " nothing; recipe.training.dense_epochs=N trains it first"
    )


def judged(
    budget: Budget, files: Sequence[Exported], scores: Mapping[str, float], dense: Mapping[str, float] | None
) -> Verdict:
    """Compares a run's files with the budget of its recipe.

    Args:
        budget: The recipe's. A drop in accuracy counts from the dense model where the budget limits one and
            `dense` is known, else from the stripped Keras model.
        files: The TFLite files.
        scores: Of the stripped Keras model.
        dense: Of the dense model; None where there is no trained one.
    """
    reference = None
    if "accuracy" in scores:
        reference = Reference(scores["accuracy"], "the Keras model before export")
        if budget.max_accuracy_drop is not None and dense is not None:
            reference = Reference(dense["accuracy"], "the dense model")
    return judge_budget(budget, files, reference)

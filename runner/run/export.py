"""The stage that writes the TFLite files: converts, runs and times them, and checks each in its own bytes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tf_keras

from runner.datasets import Dataset
from runner.export.advice import Advice, ModelInput, Zeros, advise
from runner.export.budget import BudgetResult, Reference, judge_budget
from runner.export.exporter import Attempt, Exporter
from runner.export.graph import in_batches, input_name, write_graph
from runner.export.measure import Exported
from runner.export.variants import VARIANTS, Variant
from runner.plan.named_layers import listed, named_layers
from runner.pruning.copying import copy_model
from runner.pruning.structures import Block
from runner.recipe.export_settings import Budget, Export
from runner.report.parts import Exports, Run
from runner.training import predicted
from runner.verify import SparsityCheck, broken_encodings, check_tflite_file, compare_outputs, rounding_depth
from runner.verify.file_warnings import embedding_names

_COMPARED_SAMPLES = 32
_DENSE = "dense_"

_Kinds = Mapping[str, type[Variant]]


def export(run: Run, exporter: Exporter) -> Exports:
    """Writes, measures and checks every variant, and the dense model's files beside them.

    A file that cannot be made, or does not run, is part of the result; the others are made all the same.

    Args:
        run: The files are `model_<variant>.tflite` and `dense_<variant>.tflite` in its folder.
        exporter: Its child process does all that may crash.
    """
    own, dense_kinds = _kinds(run.recipe.export)
    attempts = _attempts(run, exporter, own, dense_kinds)
    with run.stage("export", "exporting: checking the files"):
        measured = {name: _measured(run, attempt) for name, attempt in attempts.items()}
        checks = {name: _check(run, exporter, attempts[name]) for name in own}
    files = [measured[name] for name in own]
    dense = [replace(measured[name], variant=name.removeprefix(_DENSE)) for name in dense_kinds]
    dense_scores = _dense_scores(run, dense)
    budget = run.recipe.budget
    return Exports(
        files=files,
        dense=dense,
        check=SparsityCheck(
            tuple(row for check in checks.values() for row in check.rows),
            tuple(problem for check in checks.values() for problem in check.problems),
        ),
        advice=_advice(run, files, dense, {name for name, check in checks.items() if not check.passed}),
        dense_scores=dense_scores,
        budget=None if budget is None else budget_verdict(budget, files, run.proof.scores, dense_scores),
    )


def _kinds(asked: Export) -> tuple[_Kinds, _Kinds]:
    """Returns the kinds of files by name: the pruned model's, and the dense model's to compare with."""
    own = {name: VARIANTS.get(name, where="recipe.export.variants") for name in asked.variants}
    twins = ["float32", *(kind.dense for kind in own.values())] if asked.dense else []
    return own, {_DENSE + name: VARIANTS.get(name, where="recipe.export.variants") for name in twins}


def _attempts(run: Run, exporter: Exporter, own: _Kinds, dense: _Kinds) -> dict[str, Attempt]:
    """Converts, runs and times the files; the dense model's are run where its accuracy has a meaning."""
    prepared, model = run.prepared, run.proof.model
    with run.stage("export", "exporting: writing the graph"):
        samples = exporter.keep("test", prepared.split.x_test)
        chosen = calibration_sample(prepared.split.x_train, run.recipe.export.calibration_samples)
        calibration = exporter.keep("calibration", in_batches(model, chosen))
        graphs = dict.fromkeys(own, _graph(model, exporter.folder / "pruned"))
        if dense:
            graphs |= dict.fromkeys(dense, _graph(_dense_twin(run), exporter.folder / "dense"))
    attempts = {}
    for name, kind in {**own, **dense}.items():
        with run.stage("export", f"exporting: converting {name}"):
            graph, target = graphs[name], run.folder / f"{'model_' if name in own else ''}{name}.tflite"
            attempts[name] = (
                Attempt(name, error=graph)
                if isinstance(graph, str)
                else exporter.convert(name, graph, kind, target, calibration)
            )
    for name in {**own, **dense} if prepared.trained else own:
        with run.stage("export", f"exporting: evaluating {name}"):
            attempts[name] = exporter.run(attempts[name], samples)
    with run.stage("export", f"exporting: timing {len(attempts)} files"):
        return dict(zip(attempts, exporter.time(list(attempts.values()), samples), strict=True))


def calibration_sample(training_samples: np.ndarray, count: int) -> np.ndarray:
    """Chooses `count` training samples `[n, ...]` to calibrate on, the same ones whatever the run's seed."""
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


def _check(run: Run, exporter: Exporter, attempt: Attempt) -> SparsityCheck:
    """Checks the zeros, encodings and outputs of one of the pruned model's files."""
    if attempt.path is None:
        return SparsityCheck(())
    rows = check_tflite_file(run.proof.expected, attempt.path, attempt.name)
    problems = broken_encodings(attempt.path, attempt.name) + _differences(
        run, exporter, attempt, attempt.path
    )
    return SparsityCheck(tuple(rows), tuple(problems))


def _differences(run: Run, exporter: Exporter, attempt: Attempt, path: Path) -> list[str]:
    proof, samples = run.proof, run.prepared.split.x_test[:_COMPARED_SAMPLES]
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
        ModelInput(input_name(model), tuple(model.inputs[0].shape[1:])),
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
    if warning := chance_warning(scores, prepared.data):
        run.reporter.print(f"warning: {warning}")
    return scores


def chance_warning(dense: Mapping[str, float], data: Dataset) -> str | None:
    """Returns a warning where a classifier is no better than chance: its file may hold an untrained head."""
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


def budget_verdict(
    budget: Budget, files: Sequence[Exported], scores: Mapping[str, float], dense: Mapping[str, float] | None
) -> BudgetResult:
    """Compares a run's files with the budget of its recipe.

    A drop in accuracy counts from the dense model's scores where the budget limits one and they are known,
    else from those of the stripped Keras model.
    """
    reference = None
    if "accuracy" in scores:
        reference = Reference(scores["accuracy"], "the Keras model before export")
        if budget.max_accuracy_drop is not None and dense is not None:
            reference = Reference(dense["accuracy"], "the dense model")
    return judge_budget(budget, files, reference)

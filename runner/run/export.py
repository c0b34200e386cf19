"""The stage that writes the TFLite files: converts, runs and times them, and checks each in its own bytes."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tf_keras

from runner.datasets import Dataset
from runner.export.exporter import Attempt, Exporter
from runner.export.graph import in_batches, write_graph
from runner.export.measure import Exported, Score
from runner.export.variants import VARIANTS, Variant
from runner.plan.matching import listed, named_layers
from runner.pruning.copying import copy_model
from runner.recipe.export_settings import Export
from runner.verify import (
    CheckRow,
    PrunedWeight,
    broken_encodings,
    check_file,
    compare_outputs,
    rounding_depth,
)
from runner.verify.file_warnings import embedding_names

_COMPARED_SAMPLES = 32
_DENSE = "dense_"

Stage = Callable[[str], AbstractContextManager[None]]
"""Says what is done inside the `with` block."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What is exported.

    Args:
        model: The pruned model, stripped.
        outputs: What it gives for the test set `[n, ...]`.
        expected: Its pruned weights.
        dense: The model before it was pruned.
        dense_trained: Whether the dense model's weights are trained ones, so that its accuracy has a meaning.
    """

    model: tf_keras.Model
    outputs: np.ndarray
    expected: Sequence[PrunedWeight]
    dense: tf_keras.Model
    dense_trained: bool


@dataclass(frozen=True)
class ExportResult:
    """What came of the export.

    Args:
        files: The pruned model's files.
        dense: The dense model's, named as variants are; empty where they were not asked for.
        rows: The sparsity check of the files that there are.
        problems: What else is wrong with these.
        failed: The variants of files with failed rows or other problems.
    """

    files: list[Exported]
    dense: list[Exported]
    rows: list[CheckRow]
    problems: list[str]
    failed: frozenset[str]


@dataclass(frozen=True)
class _Order:
    """One file to be made."""

    name: str
    variant: type[Variant]
    dense: bool
    target: Path


def export_variants(
    exporter: Exporter,
    subject: Subject,
    data: Dataset,
    training_samples: np.ndarray,
    score: Score,
    asked: Export,
    folder: Path,
    stage: Stage,
) -> ExportResult:
    """Writes, measures and checks every variant, and the dense model's beside; none takes the others down.

    Args:
        exporter: Its child process does all that may crash.
        subject: What is exported.
        data: Its test set is scored and timed on.
        training_samples: Training data `[n, ...]`, to calibrate on.
        score: Judges outputs.
        asked: Which files.
        folder: The run's; the files are `model_<variant>.tflite` and `dense_<variant>.tflite`.
        stage: Says what is done.
    """
    with stage("exporting: writing the graph"):
        samples = exporter.keep("test", data.x_test)
        drawn = calibration_sample(training_samples, asked.calibration_samples)
        calibration = exporter.keep("calibration", in_batches(subject.model, drawn))
        graphs = {False: _graph(subject.model, exporter.folder / "pruned")}
        if asked.dense:
            graphs[True] = _graph(_dense_twin(subject), exporter.folder / "dense")
    orders = _orders(asked, folder)
    attempts = []
    for order in orders:
        with stage(f"exporting: converting {order.name}"):
            graph = graphs[order.dense]
            attempts.append(
                Attempt(order.name, error=graph)
                if isinstance(graph, str)
                else exporter.convert(order.name, graph, order.variant, order.target, calibration)
            )
    for number, order in enumerate(orders):
        if subject.dense_trained or not order.dense:
            with stage(f"exporting: evaluating {order.name}"):
                attempts[number] = exporter.run(attempts[number], samples)
    with stage(f"exporting: timing {len(orders)} files"):
        attempts = exporter.time(attempts, samples)
    own = [attempt for attempt, order in zip(attempts, orders, strict=True) if not order.dense]
    with stage("exporting: checking the files"):
        measured = [_measured(attempt, data.y_test, score) for attempt in attempts]
        rows, problems, failed = _check(exporter, own, subject, data.x_test[:_COMPARED_SAMPLES])
    return ExportResult(
        files=measured[: len(own)],
        dense=[replace(file, variant=file.variant.removeprefix(_DENSE)) for file in measured[len(own) :]],
        rows=rows,
        problems=problems,
        failed=failed,
    )


def calibration_sample(training_samples: np.ndarray, count: int) -> np.ndarray:
    """Draws training samples to calibrate on, the same ones whatever the run's seed.

    Args:
        training_samples: `[n, ...]`.
        count: How many; all where there are fewer.
    """
    drawn = np.random.default_rng(0).permutation(len(training_samples))[:count]
    return training_samples[np.sort(drawn)]


def _dense_twin(subject: Subject) -> tf_keras.Model:
    """Returns the dense model that differs from the pruned one in nothing but the zeros.

    Where its weights are trained, it is that itself. An untrained one has biases of zero and batch norms that
    do nothing, which the converter leaves out of a file: its copy has the trained weights, and its own
    beginning in the place of the zeros.
    """
    if subject.dense_trained:
        return subject.dense
    twin = copy_model(subject.dense, lambda _: None)
    trained = {named.name: named.layer for named in named_layers(subject.model)}
    for named in named_layers(twin):
        pairs = zip(named.layer.get_weights(), trained[named.name].get_weights(), strict=True)
        named.layer.set_weights([np.where(end == 0, begin, end) for begin, end in pairs])
    return twin


def _graph(model: tf_keras.Model, folder: Path) -> Path | str:
    """Writes a model's graph; what TensorFlow says where it cannot is the error of every file made of it."""
    try:
        return write_graph(model, folder)
    except Exception as error:  # A model may hold anything, so that saving it raises errors of every kind.
        return f"TensorFlow cannot write the graph of '{model.name}': {error or type(error).__name__}"


def _orders(asked: Export, folder: Path) -> list[_Order]:
    """Lists the files: the pruned model's as asked, then what of the dense model's they compare with."""
    own = [(name, VARIANTS.get(name, where="recipe.export.variants")) for name in asked.variants]
    orders = [_Order(name, kind, False, folder / f"model_{name}.tflite") for name, kind in own]
    if asked.dense:
        for name in dict.fromkeys(["float32", *(kind.dense for _, kind in own)]):
            kind = VARIANTS.get(name, where="recipe.export.variants")
            orders.append(_Order(_DENSE + name, kind, True, folder / f"{_DENSE}{name}.tflite"))
    return orders


def _measured(attempt: Attempt, y_test: np.ndarray, score: Score) -> Exported:
    if attempt.error is not None or attempt.outputs is None:
        return attempt.measured({})
    return attempt.measured(score(y_test, attempt.outputs))


def _check(
    exporter: Exporter, attempts: Sequence[Attempt], subject: Subject, compared: np.ndarray
) -> tuple[list[CheckRow], list[str], frozenset[str]]:
    rows: list[CheckRow] = []
    problems: list[str] = []
    failed: set[str] = set()
    depth = rounding_depth(subject.model)
    for attempt in attempts:
        if attempt.path is None:
            continue
        own = check_file(subject.expected, attempt.path, attempt.name)
        told = broken_encodings(attempt.path, attempt.name)
        if attempt.outputs is not None:
            told += _differences(exporter, attempt, attempt.path, subject, depth, compared)
        if told or not all(row.passed for row in own):
            failed.add(attempt.name)
        rows += own
        problems += told
    return rows, problems, frozenset(failed)


def _differences(
    exporter: Exporter, attempt: Attempt, path: Path, subject: Subject, depth: int, compared: np.ndarray
) -> list[str]:
    variant = VARIANTS.get(attempt.name, where="recipe.export.variants")
    tolerance = variant.tolerance(depth)

    def compare(outputs: np.ndarray) -> str | None:
        wanted = subject.outputs[: len(compared)]
        given = outputs[: len(compared)]
        return compare_outputs(wanted, given, path, tolerance=tolerance, step=attempt.output_step)

    problem = None if attempt.outputs is None else compare(attempt.outputs)
    if problem is None:
        return []
    plain = exporter.run(attempt, exporter.keep("compared", compared), delegate=False)
    if plain.error is None and plain.outputs is not None and compare(plain.outputs) is None:
        problem += (
            "; TFLite's own kernels agree with Keras: it is XNNPACK, which TFLite leaves the work to by"
            " default, that computes this file wrongly"
        )
    elif variant.rounds_input and (names := embedding_names(subject.model)):
        problem += (
            f". Its input is rounded to 256 levels, and so are the numbers that {listed(names)} (embedding)"
            " looks up: use dynamic_range or float16, which leave the input as it is"
        )
    return [problem]

"""The export stage: every variant of a model, with variants among them that die, hang or are wrong."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.datasets import Dataset
from runner.export.exporter import Exporter
from runner.export.measure import Exported
from runner.export.variants import VARIANTS
from runner.recipe.export_settings import Budget, Export
from runner.report.parts import Exports
from runner.run.export import budget_verdict, calibration_sample, chance_warning, export
from runner.tflite.flatbuffer import read_constants
from runner.verify import PrunedWeight
from tests.export.odd_variants import Deadly, Endless, Other
from tests.report.made_run import RECIPE, Reported, made_run
from tests.verify.pruned_models import prune

layers = tf_keras.layers
RNG = np.random.default_rng(0)
X_TRAIN, X_TEST = (RNG.normal(size=(n, 8, 8, 1)).astype(np.float32) for n in (50, 100))
Y_TEST = RNG.integers(0, 20, 100)
SIX = ("float32", "float32_sparse", "float16", "dynamic_range", "int8", "int8_sparse")


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, variant in (("deadly", Deadly), ("endless", Endless), ("other", Other)):
            patch.setitem(VARIANTS._entries, f"tests_{name}", variant)
        yield


def score(targets: np.ndarray, outputs: np.ndarray) -> Mapping[str, float]:
    return {"accuracy": float((outputs.argmax(axis=1) == targets).mean()), "loss": float(outputs.mean())}


DATA = Dataset(
    x_train=X_TRAIN,
    y_train=np.zeros(50, np.int64),
    x_test=X_TEST,
    y_test=Y_TEST,
    num_classes=20,
    source="random",
    requested="random",
)


def built() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(4)
    return tf_keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.Flatten(name="flatten"),
            layers.Dense(32, activation="relu", name="hidden"),
            layers.Dense(20, name="head"),
        ],
        name="model",
    )


class Scored:
    """A task that only scores."""

    score = staticmethod(score)


@dataclass(frozen=True)
class Subject:
    """What is exported: the pruned model with its outputs and its pruned weights, and the dense one."""

    model: tf_keras.Model
    outputs: np.ndarray
    expected: list[PrunedWeight]
    dense: tf_keras.Model


@pytest.fixture(scope="module")
def subject() -> Subject:
    model, dense = built(), built()
    expected = prune(model, 0.5)
    for name in ("conv", "hidden", "head"):
        bias = model.get_layer(name).bias
        bias.assign(RNG.normal(size=bias.shape))
    return Subject(model, model.predict(X_TEST, verbose=0), expected, dense)


Exporting = Callable[..., Exports]


@pytest.fixture(scope="module")
def exporting(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Exporting:
    def exported(
        asked: Export, *, timeout: float = 300.0, dense_trained: bool = False, **changed: Any
    ) -> Exports:
        own = replace(subject, **changed)
        run = made_run(
            tmp_path_factory.mktemp("run"),
            recipe=replace(RECIPE, export=asked),
            data=DATA,
            prepared={"model": own.dense, "trained": dense_trained, "task": Scored()},
            proof={"model": own.model, "outputs": own.outputs, "expected": own.expected},
        )
        with Exporter(timeout) as exporter:
            result = export(run, exporter)
        assert isinstance(run.reporter, Reported)
        said = run.reporter.said
        assert said[0] == "exporting: writing the graph"
        assert [line.rpartition(" ")[2] for line in said if "converting" in line][: len(asked.variants)] == (
            list(asked.variants)
        )
        assert list(run.seconds) == ["export", *(["evaluate"] if dense_trained else [])]
        return result

    return exported


def unsound(result: Exports) -> set[str]:
    """The variants that run, but failed the sparsity check."""
    return {name for name, advice in result.advice.items() if "the sparsity check failed" in advice.why}


@pytest.fixture(scope="module")
def six(exporting: Exporting) -> Exports:
    return exporting(Export(SIX))


def test_every_variant_is_written_run_scored_timed_and_checked(six: Exports, subject: Subject) -> None:
    assert [file.variant for file in six.files] == list(SIX)
    assert [file.error for file in six.files] == [None] * 6
    assert list(six.check.problems) == []
    assert unsound(six) == set()
    wanted = score(Y_TEST, subject.outputs)
    for file in six.files:
        assert file.path is not None
        assert file.path.name == f"model_{file.variant}.tflite"
        assert file.bytes == file.path.stat().st_size
        assert file.accuracy == pytest.approx(wanted["accuracy"], abs=0.1)
        assert file.latency_ms is not None
        assert file.latency_p90_ms is not None
        assert 0 < file.latency_ms <= file.latency_p90_ms
    assert six.files[0].accuracy == wanted["accuracy"]
    checked = [(row.point, row.layer, row.passed) for row in six.check.rows]
    assert checked == [
        (f"tflite_{variant}", layer, True) for variant in SIX for layer in ("conv", "hidden", "head")
    ]


def test_the_dense_model_is_measured_beside_once_per_kind(six: Exports) -> None:
    assert [file.variant for file in six.dense] == ["float32", "float16", "dynamic_range", "int8"]
    sizes = {file.variant: file.bytes or 0 for file in [*six.files, *six.dense]}
    for file in six.dense:
        assert file.path is not None
        assert file.path.name == f"dense_{file.variant}.tflite"
        assert (file.loads, file.accuracy, file.latency_ms is not None) == (True, None, True)
    assert sizes["int8"] < 0.5 * sizes["float32"]


def test_sparse_tensors_are_told(six: Exports) -> None:
    assert {file.variant: file.sparse_tensors > 0 for file in six.files} == {
        variant: "sparse" in variant for variant in SIX
    }


def test_the_dense_twin_of_an_untrained_model_lacks_nothing(six: Exports, subject: Subject) -> None:
    """Biases of zero and batch norms that do nothing are folded away."""
    sizes = {file.variant: file.bytes for file in six.dense}
    assert sizes == {file.variant: file.bytes for file in six.files if "sparse" not in file.variant}
    [float32] = [file.path for file in six.dense if file.variant == "float32"]
    assert float32 is not None
    constants = [constant.values for constant in read_constants(float32)]
    assert any(np.array_equal(values, subject.model.get_layer("head").bias) for values in constants)
    [kernel] = [values for values in constants if values.shape == (20, 32)]
    pruned, begun = (model.get_layer("head").kernel.numpy() for model in (subject.model, subject.dense))
    np.testing.assert_array_equal(kernel.T, np.where(pruned == 0, begun, pruned))
    assert not subject.dense.get_layer("head").bias.numpy().any()  # The prepared model is as it was.


def test_a_trained_dense_model_is_scored(exporting: Exporting, subject: Subject) -> None:
    result = exporting(Export(("float32",)), dense_trained=True)
    [dense] = result.dense
    assert dense.accuracy == score(Y_TEST, subject.dense.predict(X_TEST, verbose=0))["accuracy"]


def test_one_that_dies_and_one_that_hangs_leave_the_others_alone(exporting: Exporting) -> None:
    asked = Export(("tests_deadly", "float32", "tests_endless", "int8"), dense=False)
    result = exporting(asked, timeout=6.0)
    deadly, float32, endless, int8 = result.files
    assert deadly.error == (
        "the converter ended its process by SIGABRT (Aborted)\n"
        "F1120 17:00:00.000000 converter.cc:42] Check failed: shape.size() > 0"
    )
    assert endless.error == "the converter gave no sign of life for 6 s and was ended"
    assert (deadly.loads, deadly.bytes, endless.loads, endless.path) == (False, None, False, None)
    assert (float32.loads, float32.accuracy is not None) == (True, True)
    assert (int8.loads, int8.accuracy is not None) == (True, True)
    assert result.dense == []
    assert {row.point for row in result.check.rows} == {"tflite_float32", "tflite_int8"}
    assert list(result.check.problems) == []


def test_a_file_that_computes_something_else_is_a_problem(exporting: Exporting) -> None:
    result = exporting(Export(("tests_other",), dense=False))
    [file] = result.files
    assert file.loads
    assert not any(row.passed for row in result.check.rows)
    assert unsound(result) == {"tests_other"}
    [problem] = result.check.problems
    assert (
        "model_tests_other.tflite: gives outputs of the shape (32, 64), the Keras model (32, 20)" in problem
    )


def test_what_xnnpack_computes_wrongly_is_laid_at_its_door(exporting: Exporting) -> None:
    """TensorFlow 2.21: BATCH_MATMUL of int8 whose second factor has a zero point."""
    tf_keras.utils.set_random_seed(4)
    x = layers.Input((8, 8, 1))
    local = layers.LocallyConnected1D(5, 3, name="local")(layers.Reshape((16, 4))(x))
    model = tf_keras.Model(x, layers.Flatten()(local))
    expected: list[PrunedWeight] = prune(model, 0.5)
    result = exporting(
        Export(("int8",), dense=False),
        model=model,
        outputs=model.predict(X_TEST, verbose=0),
        expected=expected,
    )
    assert all(row.passed for row in result.check.rows)
    [problem] = result.check.problems
    assert "outputs differ from the Keras model's by" in problem
    assert problem.endswith(
        "TFLite's own kernels agree with Keras: it is XNNPACK, which TFLite leaves the work to by default,"
        " that computes this file wrongly"
    )


def test_numbers_that_int8_rounds_for_an_embedding_are_laid_at_its_door(exporting: Exporting) -> None:
    tf_keras.utils.set_random_seed(4)
    x = layers.Input((8, 8, 1))
    tokens = layers.Rescaling(10.0)(layers.ReLU()(layers.Flatten()(x)))
    model = tf_keras.Model(x, layers.Flatten()(layers.Embedding(50, 4, name="words")(tokens)))
    result = exporting(
        Export(("int8", "dynamic_range"), dense=False),
        model=model,
        outputs=model.predict(X_TEST, verbose=0),
        expected=[],
    )
    [problem] = result.check.problems
    assert "model_int8.tflite: outputs differ from the Keras model's by" in problem
    assert problem.endswith(
        ". Its input is rounded to 256 levels, and so are the numbers that words (embedding) looks up: use"
        " dynamic_range or float16, which leave the input as it is"
    )
    assert unsound(result) == {"int8"}


def test_a_model_whose_graph_cannot_be_written_is_told_in_every_row(exporting: Exporting) -> None:
    keys, values = tf.constant([1, 2]), tf.constant([1.0, 2.0])
    table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), 0.0)
    x = layers.Input((8, 8, 1))
    looked_up = layers.Lambda(lambda x: table.lookup(tf.cast(x, tf.int32)))(x)
    model = tf_keras.Model(x, layers.Flatten()(looked_up), name="untracked")
    outputs = model.predict(X_TEST, verbose=0)
    asked = Export(("float32", "int8"))
    result = exporting(asked, model=model, outputs=outputs, expected=[], dense_trained=True)
    for file in result.files:
        assert file.error is not None
        assert file.error.startswith("TensorFlow cannot write the graph of 'untracked': Tried to export")
    assert [file.loads for file in result.dense] == [True, True]


def test_calibration_samples_are_the_same_whatever_the_seed() -> None:
    samples = np.arange(1000.0).reshape(500, 2)
    tf_keras.utils.set_random_seed(1)
    first = calibration_sample(samples, 5)
    tf_keras.utils.set_random_seed(2)
    np.testing.assert_array_equal(calibration_sample(samples, 5), first)
    assert len(np.unique(first[:, 0])) == 5
    assert first[:, 0].max() > 500  # not merely the first ones
    np.testing.assert_array_equal(calibration_sample(samples[:3], 128), samples[:3])


def test_a_model_that_guesses_is_warned_of() -> None:
    labels = np.array([0, 0, 0, 1, 2])
    x = np.zeros((5, 2), np.float32)
    data = Dataset(
        x_train=x, y_train=labels, x_test=x, y_test=labels, num_classes=3, source="made", requested="made"
    )
    told = chance_warning({"accuracy": 0.6, "loss": 1.0}, data)
    assert told is not None
    assert told.startswith(
        "the model that pruning began with has accuracy 0.6000, no better than always naming the most"
        " frequent class (0.6000)."
    )
    assert chance_warning({"accuracy": 0.61, "loss": 1.0}, data) is None
    assert chance_warning({"loss": 1.0}, data) is None


DROP = Budget("float32", max_accuracy_drop=0.01)


@pytest.mark.parametrize(
    ("budget", "scores", "dense", "reference"),
    [
        (DROP, {"accuracy": 0.8}, {"accuracy": 0.9}, "the dense model"),
        (DROP, {"accuracy": 0.8}, None, "the Keras model before export"),
        (
            Budget("float32", min_accuracy=0.5),
            {"accuracy": 0.8},
            {"accuracy": 0.9},
            "the Keras model before export",
        ),
        (Budget("float32", max_bytes=10), {"loss": 1.0}, {"loss": 0.5}, None),
    ],
)
def test_what_a_drop_counts_from(
    budget: Budget, scores: dict[str, float], dense: dict[str, float] | None, reference: str | None
) -> None:
    file = Exported("float32", Path("m.tflite"), 9, 1, loads=True, scores={"accuracy": 0.795})
    verdict = budget_verdict(budget, [file], scores, dense)
    assert (verdict.reference and verdict.reference.name) == reference
    assert verdict.kept == (dense is None or budget is not DROP)


def test_without_a_budget_there_is_no_verdict(six: Exports) -> None:
    assert six.budget is None

"""Real conversions and runs in a real child process, a deadly one among them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.child import ChildDied, ChildFailed, ChildHung, shared_child
from runner.export.exporter import Attempt, Exporter, failure_text
from runner.export.graph import in_batches, write_graph
from runner.export.variants import Float32, Float32Sparse, Int8, Variant

layers = tf_keras.layers
X = np.random.default_rng(0).normal(size=(70, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    tf_keras.utils.set_random_seed(1)
    return tf_keras.Sequential([layers.Input((8,)), layers.Dense(32, activation="relu"), layers.Dense(3)])


@pytest.fixture(scope="module")
def exporter() -> Iterator[Exporter]:
    with Exporter(300.0) as exporter:
        yield exporter


@pytest.fixture(scope="module")
def graph(model: tf_keras.Model, exporter: Exporter) -> Path:
    return write_graph(model, exporter.folder / "graph")


@pytest.fixture(scope="module")
def samples(exporter: Exporter) -> Path:
    return exporter.keep("x", X)


@pytest.fixture(scope="module")
def calibration(model: tf_keras.Model, exporter: Exporter) -> Path:
    return exporter.keep("calibration", in_batches(model, X))


@pytest.fixture
def make(
    exporter: Exporter, graph: Path, calibration: Path, tmp_path: Path
) -> Callable[[type[Variant]], Attempt]:
    def make(variant: type[Variant]) -> Attempt:
        return exporter.convert("made", graph, variant, tmp_path / "made.tflite", calibration)

    return make


Make = Callable[[type[Variant]], Attempt]


def test_a_file_is_made_run_timed_and_measured(
    make: Make, exporter: Exporter, samples: Path, model: tf_keras.Model, tmp_path: Path
) -> None:
    made = make(Float32)
    assert (made.name, made.path, made.error) == ("made", tmp_path / "made.tflite", None)
    ran = exporter.run(made, samples)
    assert ran.outputs is not None
    np.testing.assert_allclose(ran.outputs, model(X), rtol=1e-4, atol=1e-5)
    [timed] = exporter.time([ran], samples)
    found = timed.measured({"accuracy": 0.5})
    assert (found.variant, found.loads, found.error, found.accuracy) == ("made", True, None, 0.5)
    assert found.bytes == (tmp_path / "made.tflite").stat().st_size
    assert found.latency_ms == pytest.approx(1000 * np.median(timed.times))
    assert found.latency_ms is not None
    assert found.latency_p90_ms is not None
    assert 0 < found.latency_ms <= found.latency_p90_ms
    assert len(timed.times) >= 4 * 3
    assert (found.sparse_tensors, found.block_tensors) == (0, 0)


def test_int8_is_run_and_its_step_told(
    make: Make, exporter: Exporter, samples: Path, model: tf_keras.Model
) -> None:
    ran = exporter.run(make(Int8), samples)
    assert ran.outputs is not None
    wanted = model(X).numpy()
    assert 0 < ran.output_step < 0.05 * np.abs(wanted).max()
    np.testing.assert_allclose(ran.outputs, wanted, atol=0.05 * np.abs(wanted).max())


def test_sparse_tensors_are_counted(exporter: Exporter, tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((64,)), layers.Dense(32), layers.Dense(32)])
    rng = np.random.default_rng(0)
    for layer, block in zip(model.layers, (4, 1), strict=True):
        inputs = layer.kernel.shape[0]
        kept = np.repeat(rng.random((inputs // block, 32)) >= 0.8, block, axis=0)
        layer.kernel.assign(rng.normal(size=kept.shape) * kept)
    graph = write_graph(model, exporter.folder / "sparse")
    made = exporter.convert("s", graph, Float32Sparse, tmp_path / "s.tflite", tmp_path / "unused.npy")
    found = made.measured({})
    assert (found.sparse_tensors, found.block_tensors) == (2, 1)


def test_the_converters_refusal_is_told_once_and_readably(exporter: Exporter, tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((3, 3)), layers.Lambda(tf.linalg.inv)])
    graph = write_graph(model, exporter.folder / "inverse")
    made = exporter.convert("m", graph, Float32, tmp_path / "m.tflite", tmp_path / "unused.npy")
    assert made.path is None
    assert made.error is not None
    assert made.error.startswith("the converter: ")
    assert made.error.count("neither a custom op nor a flex op") == 1
    assert "note: called from" not in made.error
    assert len(made.error) < 900
    found = made.measured({})
    assert (found.loads, found.bytes, found.path) == (False, None, None)
    assert not (tmp_path / "m.tflite").exists()


def test_a_gru_to_int8_ends_the_converter_and_nothing_else(
    exporter: Exporter, graph: Path, calibration: Path, samples: Path, tmp_path: Path
) -> None:
    model = tf_keras.Sequential([layers.Input((6, 3)), layers.GRU(5)])
    recurrent = write_graph(model, exporter.folder / "gru")
    drawn = exporter.keep("sequences", np.zeros((4, 1, 6, 3), np.float32))
    dead = exporter.convert("int8", recurrent, Int8, tmp_path / "gru.tflite", drawn)
    assert dead.error == "the converter ended its process by SIGSEGV (Segmentation fault)"
    next_one = exporter.convert("float32", graph, Float32, tmp_path / "m.tflite", calibration)
    assert exporter.run(next_one, samples).error is None


def test_a_file_that_does_not_run_takes_no_part_in_what_follows(
    make: Make, exporter: Exporter, samples: Path, tmp_path: Path
) -> None:
    good = make(Float32)
    cut = tmp_path / "cut.tflite"
    cut.write_bytes((tmp_path / "made.tflite").read_bytes()[:600])
    broken = exporter.run(Attempt("cut", cut), samples)
    assert broken.error is not None
    assert broken.error.startswith(f"the interpreter: {cut}: is a damaged TFLite file")
    timed, untimed = exporter.time([good, broken], samples)
    assert (len(timed.times) > 0, untimed.times) == (True, ())
    found = untimed.measured({})
    assert (found.loads, found.bytes, found.latency_ms) == (False, 600, None)


def test_a_file_that_fails_while_it_is_timed_does_not_run(make: Make, exporter: Exporter) -> None:
    [timed] = exporter.time([make(Float32)], exporter.keep("other", np.zeros((2, 5), np.float32)))
    assert timed.times == ()
    assert "takes [any, 8], batch first; the samples are [1, 5]" in (timed.error or "")


def test_the_folder_is_gone_afterwards_and_the_child_is_kept() -> None:
    with Exporter(60.0) as exporter:
        folder = exporter.folder
        exporter.keep("x", X)
    assert not folder.exists()
    assert shared_child().pid is not None


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (ChildFailed("it does not fit"), "the tool: it does not fit"),
        (
            ChildFailed("loc(a): error: no op\nnote: here\nloc(b): error: no op\nerror: two\n", "chatter"),
            "the tool: no op\ntwo",
        ),
        (
            ChildFailed(
                '<unknown>:0: error: loc(callsite(fused["Det:", "a"] at b)): \'tf.Det\' op is no op\n'
                "<unknown>:0: error: failed while converting: 'main': \nTF Select ops: Det, Svd\nDetails:\n"
            ),
            "the tool: 'tf.Det' op is no op\nTFLite has no operator of its own for TensorFlow's Det, Svd",
        ),
        (ChildHung("gave up", "W0000 00:00 x.cc:1] chatter"), "the tool gave up"),
        (
            ChildDied("ended", "I0000 00:01 chatter\n2026-11-20 17:00:00.1: W x.cc:3] chatter\nlast\n"),
            "the tool ended\nlast",
        ),
        (
            ChildDied("ended", "E0000 00:00 cuda.cc:52] failed call to cuInit: no GPU\nlast\n"),
            "the tool ended\nlast",
        ),
        (ChildDied("ended", "1\n2\n3\n4"), "the tool ended\n2\n3\n4"),
    ],
)
def test_words_are_cut_to_what_a_person_reads(failure: Any, told: str) -> None:
    assert failure_text("the tool", failure) == told


def test_very_long_words_are_cut() -> None:
    told = failure_text("the tool", ChildFailed("word " * 1000))
    assert len(told) < 810
    assert told.endswith("word ...")

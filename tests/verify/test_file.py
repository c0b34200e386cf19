from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.export.convert import convert
from runner.export.flatbuffer import read_constants
from runner.pruning.structures import MByN, Structure, Unstructured
from runner.verify import CheckRow, PrunedWeight, check_file
from tests.verify.pruned_models import patch, prune

layers = tf_keras.layers


def stack(
    shape: tuple[int | None, ...], *stacked: tf_keras.layers.Layer, batch: int | None = None
) -> tf_keras.Model:
    return tf_keras.Sequential([layers.Input(shape, batch_size=batch), *stacked])


def attention() -> tf_keras.Model:
    x = layers.Input((6, 16))
    return tf_keras.Model(x, layers.MultiHeadAttention(2, 5)(x, x))


def used_twice() -> tf_keras.Model:
    x, layer = layers.Input((8,)), layers.Dense(8)
    return tf_keras.Model(x, layer(tf_keras.activations.relu(layer(x))))


norm, relu = layers.BatchNormalization, layers.ReLU
MODELS: dict[str, Callable[[], tf_keras.Model]] = {
    "dense": lambda: stack((8,), layers.Dense(7)),
    "square dense": lambda: stack((8,), layers.Dense(8)),
    "dense over a sequence": lambda: stack((5, 8), layers.Dense(7)),
    "dense, norm": lambda: stack((8,), layers.Dense(7), norm()),
    "norm, dense": lambda: stack((8,), layers.Dense(9, "relu"), norm(), layers.Dense(7)),
    "norm, dense, norm": lambda: stack((8,), layers.Dense(9, "relu"), norm(), layers.Dense(7), norm()),
    "rescaled": lambda: stack((8, 8, 3), layers.Rescaling(1 / 255), layers.Conv2D(4, 3)),
    "conv, norm": lambda: stack((8, 8, 3), layers.Conv2D(6, 3, use_bias=False), norm(), relu()),
    "conv, norm, norm": lambda: stack((8, 8, 3), layers.Conv2D(6, 3), norm(), norm()),
    "norm, conv": lambda: stack((8, 8, 3), norm(), relu(), layers.Conv2D(6, 3)),
    "grouped": lambda: stack((8, 8, 4), layers.Conv2D(6, 3, groups=2)),
    "dilated": lambda: stack((12, 12, 3), layers.Conv2D(6, 3, dilation_rate=2), norm()),
    "conv1d, norm": lambda: stack((12, 3), layers.Conv1D(6, 3), norm()),
    "causal conv1d": lambda: stack((12, 3), layers.Conv1D(6, 3, dilation_rate=2, padding="causal")),
    "depthwise, norm": lambda: stack((8, 8, 3), layers.DepthwiseConv2D(3, depth_multiplier=2), norm()),
    "depthwise1d": lambda: stack((8, 3), layers.DepthwiseConv1D(3, depth_multiplier=2)),
    "separable, norm": lambda: stack((8, 8, 3), layers.SeparableConv2D(5, 3, depth_multiplier=2), norm()),
    "separable1d": lambda: stack((8, 3), layers.SeparableConv1D(5, 3)),
    "transposed, norm": lambda: stack((8, 8, 3), layers.Conv2DTranspose(5, 3, strides=2), norm()),
    "transposed 1d": lambda: stack((8, 3), layers.Conv1DTranspose(5, 3, strides=2)),
    "conv3d, norm": lambda: stack((6, 6, 6, 3), layers.Conv3D(5, 3), norm()),
    "transposed 3d": lambda: stack((5, 5, 5, 3), layers.Conv3DTranspose(4, 3)),
    "locally connected": lambda: stack((6, 3), layers.LocallyConnected1D(5, 3)),
    "embedding": lambda: stack((6,), layers.Embedding(11, 4), layers.Flatten(), layers.Dense(3)),
    "attention": attention,
    "einsum": lambda: stack((6, 8), layers.EinsumDense("abc,cde->abde", output_shape=(None, 3, 5))),
    "one layer used twice": used_twice,
    "time distributed": lambda: stack((6, 3), layers.TimeDistributed(layers.Dense(5))),
    "open height": lambda: stack((None, 16, 2), layers.Conv2D(4, (1, 8)), layers.Conv2D(4, (1, 8))),
    "lstm, eight gate tensors": lambda: stack((6, 3), layers.LSTM(5), batch=1),
    "unrolled lstm, gates in one": lambda: stack((6, 3), layers.LSTM(5, unroll=True)),
    "gru, in another subgraph": lambda: stack((6, 3), layers.GRU(5), batch=1),
    "gru, two gates and one": lambda: stack((6, 3), layers.GRU(5, reset_after=False), batch=1),
    "convolutional lstm": lambda: stack((3, 5, 5, 2), layers.ConvLSTM2D(3, 3), batch=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_layer_is_found_and_no_other_weights_are(name: str, tmp_path: Path) -> None:
    model = MODELS[name]()
    expected = prune(model, 0.5)
    assert expected
    path = convert(model, "float32", tmp_path / "m.tflite")
    rows = check_file(expected, path, "float32")
    assert [row.problem for row in rows] == [None] * len(expected)
    for row, weight in zip(rows, expected, strict=True):
        assert row.point == "tflite_float32"
        assert row.zeros == row.planned_zeros == np.count_nonzero(weight.values == 0)
    others = check_file(prune(model, 0.5, seed=1), path, "float32")
    assert not any(row.passed for row in others)
    for row in others:
        assert f"layer '{row.layer}', {row.weight}" in (row.problem or "")


def conv_norm_dense() -> tf_keras.Model:
    return stack(
        (8, 8, 4),
        layers.Conv2D(8, 3, name="conv"),
        norm(),
        relu(),
        layers.Conv2D(8, 3, name="conv_2"),
        layers.Flatten(),
        layers.Dense(16, "relu", name="dense"),
        layers.Dense(4, name="head"),
    )


CONV, DENSE = (8, 3, 3, 4), (16, 128)  # as stored


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[PrunedWeight], Path]:
    model = conv_norm_dense()
    expected = prune(model, 0.5, MByN(2, 4))
    return expected, convert(model, "float32", tmp_path_factory.mktemp("file") / "m.tflite")


def failures(rows: list[CheckRow]) -> dict[str, str]:
    return {row.layer: row.problem for row in rows if row.problem is not None}


def place(path: Path, shape: tuple[int, ...], zero: bool, skip: int = 5) -> tuple[int, ...]:
    (constant,) = [c for c in read_constants(path) if c.shape == shape]
    return tuple(int(i) for i in np.argwhere((constant.values == 0) == zero)[skip])


def test_a_pattern_is_proven_in_the_files_own_values(exported: tuple[list[PrunedWeight], Path]) -> None:
    expected, path = exported
    rows = check_file(expected, path, "float32")
    assert failures(rows) == {}
    assert [(row.layer, row.pattern, row.pattern_ok, row.sparsity) for row in rows] == [
        (layer, "2:4 (2 of 4 zero)", True, 0.5) for layer in ("conv", "conv_2", "dense", "head")
    ]
    assert rows[0].to_csv()["shape"] == "3x3x4x8"


@pytest.mark.parametrize(("layer", "shape"), [("conv", CONV), ("dense", DENSE)])
def test_one_planned_zero_made_nonzero_fails(
    exported: tuple[list[PrunedWeight], Path], tmp_path: Path, layer: str, shape: tuple[int, ...]
) -> None:
    expected, path = exported
    wrong = patch(path, tmp_path / "wrong.tflite", shape, place(path, shape, zero=True), 1e-12)
    rows = check_file(expected, wrong, "float32")
    assert list(failures(rows)) == [layer]
    planned = next(row.planned_zeros for row in rows if row.layer == layer)
    message = failures(rows)[layer]
    assert f"1 of {planned} planned zeros are not zero there" in message
    assert "the pattern 2:4 (2 of 4 zero) does not hold" in message
    assert str(wrong) in message
    (row,) = [row for row in rows if row.layer == layer]
    assert (row.zeros, row.pattern_ok) == (planned - 1, False)


@pytest.mark.parametrize("factor", [0.0, 1.001, -1.0])
@pytest.mark.parametrize(("layer", "shape"), [("conv", CONV), ("dense", DENSE)])
def test_one_kept_weight_zeroed_or_changed_fails(
    exported: tuple[list[PrunedWeight], Path],
    tmp_path: Path,
    layer: str,
    shape: tuple[int, ...],
    factor: float,
) -> None:
    expected, path = exported
    where = place(path, shape, zero=False)
    (constant,) = [c for c in read_constants(path) if c.shape == shape]
    wrong = patch(path, tmp_path / "wrong.tflite", shape, where, factor * constant.values[where])
    rows = check_file(expected, wrong, "float32")
    assert list(failures(rows)) == [layer]
    kept = next(int(weight.mask.sum()) for weight in expected if weight.layer == layer)
    assert f"1 of {kept} kept weights do not reappear there" in failures(rows)[layer]


def test_an_all_zero_file_fails_everywhere(exported: tuple[list[PrunedWeight], Path], tmp_path: Path) -> None:
    expected, path = exported
    content = bytearray(path.read_bytes())
    for constant in read_constants(path):
        if constant.dtype == "float32":
            start = content.find(constant.values.tobytes())
            content[start : start + constant.values.nbytes] = bytes(constant.values.nbytes)
    zero = tmp_path / "zero.tflite"
    zero.write_bytes(content)
    rows = check_file(expected, zero, "float32")
    assert [row.passed for row in rows] == [False] * 4
    assert [row.sparsity for row in rows] == [1.0] * 4  # as sparse as can be
    assert "1024 of 1024 kept weights do not reappear" in failures(rows)["dense"]


def test_natural_zeros_are_counted_not_punished(tmp_path: Path) -> None:
    model = stack((8,), layers.Dense(4, name="d"))
    (weight,) = prune(model, 0.5)
    kernel = weight.values.copy()
    natural = np.argwhere(weight.mask)[:3]
    kernel[tuple(natural.T)] = 0.0
    model.get_layer("d").set_weights([kernel, np.zeros(4)])
    expected = PrunedWeight("d", "kernel", 16, weight.mask, kernel, Unstructured(), promised=False)
    (row,) = check_file([expected], convert(model, "float32", tmp_path / "m.tflite"), "float32")
    assert (row.passed, row.zeros, row.planned_zeros, row.pattern_ok) == (True, 19, 16, None)


def test_a_layer_that_is_not_in_the_file_is_told_the_nearest_shapes(
    exported: tuple[list[PrunedWeight], Path],
) -> None:
    _, path = exported
    values = np.zeros((5, 30), np.float32)
    missing = PrunedWeight("gone", "kernel", 150, values != 0, values, Unstructured(), promised=False)
    (row,) = check_file([missing], path, "float32")
    assert (row.passed, row.zeros) == (False, 0)
    assert row.problem == (
        f"tflite_float32: layer 'gone', kernel 5x30: was not found in {path}: no constant of its 150 values"
        " fits its shape; nearest: 4x16, 8x3x3x4, 8x3x3x8, 16x128"
    )


def test_a_mask_short_of_the_plan_fails(tmp_path: Path) -> None:
    model = stack((8,), layers.Dense(4))
    (weight,) = prune(model, 0.5)
    expected = PrunedWeight(
        weight.layer, weight.weight, 20, weight.mask, weight.values, weight.structure, promised=False
    )
    (row,) = check_file([expected], convert(model, "float32", tmp_path / "m.tflite"), "float32")
    assert "the plan names 20 zeros, its mask has 16" in (row.problem or "")


def test_twins_with_equal_weights_are_both_found(tmp_path: Path) -> None:
    model = stack((8,), layers.Dense(8, "relu", name="a"), layers.Dense(8, name="b"))
    first, second = prune(model, 0.5)
    model.get_layer("b").set_weights(model.get_layer("a").get_weights())
    twin = PrunedWeight("b", "kernel", 32, first.mask, first.values, second.structure, promised=False)
    rows = check_file([first, twin], convert(model, "float32", tmp_path / "m.tflite"), "float32")
    assert [row.passed for row in rows] == [True, True]


def test_one_changed_gate_of_an_lstm_fails_with_its_number(tmp_path: Path) -> None:
    model = stack((6, 3), layers.LSTM(5), batch=1)
    expected = prune(model, 0.5)
    path = convert(model, "float32", tmp_path / "m.tflite")
    gate = expected[0].values[:, 10:15].T  # the third of four
    content = path.read_bytes()
    assert content.count(gate.tobytes()) == 1
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(content.replace(gate.tobytes(), (gate * 1.01).tobytes()))
    rows = check_file(expected, wrong, "float32")
    assert [row.passed for row in rows] == [False, True]
    kept = np.count_nonzero(gate)
    assert "the closest constant to gate 3 of 4 is" in (rows[0].problem or "")
    assert f"{kept} of {kept} kept weights do not reappear" in (rows[0].problem or "")


def test_a_file_that_cannot_be_read_fails_every_weight(
    exported: tuple[list[PrunedWeight], Path], tmp_path: Path
) -> None:
    expected, path = exported
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(path.read_bytes()[:500])
    rows = check_file(expected, cut, "float32")
    assert [row.passed for row in rows] == [False] * 4
    assert "is a damaged TFLite file" in failures(rows)["head"]


def test_many_constants_of_one_shape_are_told_apart(tmp_path: Path) -> None:
    model = stack((16,), *[layers.Dense(16, "relu", name=f"d{i}") for i in range(12)])
    expected = prune(model, 0.5)
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert failures(check_file(expected, path, "float32")) == {}
    content = path.read_bytes()
    stored = expected[7].values.T.tobytes()
    changed = bytearray(stored)
    where = 4 * int(np.flatnonzero(expected[7].values.T)[9])
    changed[where : where + 4] = np.float32(3).tobytes()
    path.write_bytes(content.replace(stored, bytes(changed)))
    assert list(failures(check_file(expected, path, "float32"))) == ["d7"]


@pytest.mark.parametrize("structure", [Unstructured(), MByN(2, 4)])
@pytest.mark.parametrize("kind", ["float16", "dynamic_range", "int8", "float32_sparse", "int8_sparse"])
def test_files_of_fewer_bits_and_sparse_files_are_proven_too(
    kind: str, structure: Structure, tmp_path: Path
) -> None:
    model = stack(
        (8, 8, 4), layers.Conv2D(32, 3), norm(), relu(), layers.Flatten(), layers.Dense(32), layers.Dense(20)
    )
    expected = prune(model, 0.5, structure)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    sparse = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY] if "sparse" in kind else []
    converter.optimizations = sparse + ([] if kind == "float32_sparse" else [tf.lite.Optimize.DEFAULT])
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind.startswith("int8"):
        samples = np.random.default_rng(0).normal(size=(20, 1, 8, 8, 4)).astype(np.float32)
        converter.representative_dataset = lambda: ([sample] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    stored = {c.dtype for c in read_constants(path) if c.shape == (32, 1152)}
    assert stored == {
        {"f": "float16", "d": "int8", "i": "int8"}[kind[0]] if "float32" not in kind else "float32"
    }
    rows = check_file(expected, path, kind)
    assert failures(rows) == {}
    assert {row.point for row in rows} == {f"tflite_{kind}"}
    assert all(row.zeros >= row.planned_zeros for row in rows)

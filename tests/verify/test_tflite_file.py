from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from runner.pruning.structures import MByN, Unstructured
from runner.tflite.flatbuffer import read_constants
from runner.verify import CheckRow, PrunedWeight, broken_encodings, check_tflite_file, find_weights
from tests.tflite_files import convert
from tests.verify.pruned_models import kernels, patch, prune

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
    rows = check_tflite_file(expected, path, "float32")
    assert [row.problem for row in rows] == [None] * len(expected)
    for row, weight in zip(rows, expected, strict=True):
        assert row.point == "tflite_float32"
        assert row.zeros == row.planned_zeros == np.count_nonzero(weight.values == 0)
    unknown = [replace(weight, folds=None) for weight in expected]
    assert [row.problem for row in check_tflite_file(unknown, path, "float32")] == [None] * len(expected)
    others = check_tflite_file(prune(model, 0.5, seed=1), path, "float32")
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
    rows = check_tflite_file(expected, path, "float32")
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
    rows = check_tflite_file(expected, wrong, "float32")
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
    rows = check_tflite_file(expected, wrong, "float32")
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
    rows = check_tflite_file(expected, zero, "float32")
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
    (row,) = check_tflite_file([expected], convert(model, "float32", tmp_path / "m.tflite"), "float32")
    assert (row.passed, row.zeros, row.planned_zeros, row.pattern_ok) == (True, 19, 16, None)


def test_a_layer_that_is_not_in_the_file_is_told_the_nearest_shapes(
    exported: tuple[list[PrunedWeight], Path],
) -> None:
    _, path = exported
    values = np.zeros((5, 30), np.float32)
    missing = PrunedWeight("gone", "kernel", 150, values != 0, values, Unstructured(), promised=False)
    (row,) = check_tflite_file([missing], path, "float32")
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
    (row,) = check_tflite_file([expected], convert(model, "float32", tmp_path / "m.tflite"), "float32")
    assert "the plan names 20 zeros, its mask has 16" in (row.problem or "")


def test_twins_with_equal_weights_are_both_found(tmp_path: Path) -> None:
    model = stack((8,), layers.Dense(8, "relu", name="a"), layers.Dense(8, name="b"))
    first, second = prune(model, 0.5)
    model.get_layer("b").set_weights(model.get_layer("a").get_weights())
    twin = PrunedWeight("b", "kernel", 32, first.mask, first.values, second.structure, promised=False)
    rows = check_tflite_file([first, twin], convert(model, "float32", tmp_path / "m.tflite"), "float32")
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
    rows = check_tflite_file(expected, wrong, "float32")
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
    rows = check_tflite_file(expected, cut, "float32")
    assert [row.passed for row in rows] == [False] * 4
    assert "is a damaged TFLite file" in failures(rows)["head"]


def test_many_constants_of_one_shape_are_told_apart(tmp_path: Path) -> None:
    model = stack((16,), *[layers.Dense(16, "relu", name=f"d{i}") for i in range(12)])
    expected = prune(model, 0.5)
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert failures(check_tflite_file(expected, path, "float32")) == {}
    content = path.read_bytes()
    stored = expected[7].values.T.tobytes()
    changed = bytearray(stored)
    where = 4 * int(np.flatnonzero(expected[7].values.T)[9])
    changed[where : where + 4] = np.float32(3).tobytes()
    path.write_bytes(content.replace(stored, bytes(changed)))
    assert list(failures(check_tflite_file(expected, path, "float32"))) == ["d7"]


REDUCED = ["float16", "dynamic_range", "int8", "float32_sparse", "int8_sparse"]
STORED_AS = {"float16": "float16", "dynamic_range": "int8", "int8": "int8", "int8_sparse": "int8"}


@pytest.fixture(scope="module", params=[Unstructured(), MByN(2, 4)], ids=["unstructured", "2:4"])
def reduced(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[PrunedWeight], dict[str, Path]]:
    stacked = [layers.Conv2D(32, 3), norm(), relu(), layers.Flatten(), layers.Dense(32), layers.Dense(20)]
    model = stack((8, 8, 4), *stacked)
    expected = prune(model, 0.5, request.param)
    samples = np.random.default_rng(0).normal(size=(20, 8, 8, 4)).astype(np.float32)
    folder = tmp_path_factory.mktemp("reduced")
    return expected, {
        kind: convert(model, kind, folder / f"{kind}.tflite", samples) for kind in ["float32", *REDUCED]
    }


@pytest.mark.parametrize("kind", REDUCED)
def test_files_of_fewer_bits_and_sparse_files_are_proven_too(
    kind: str, reduced: tuple[list[PrunedWeight], dict[str, Path]]
) -> None:
    expected, files = reduced
    (stored,) = [c for c in read_constants(files[kind]) if c.shape == (32, 1152)]
    assert stored.dtype == STORED_AS.get(kind, "float32")
    assert (stored.encoding is not None) == ("sparse" in kind)
    rows = check_tflite_file(expected, files[kind], kind)
    assert failures(rows) == {}
    assert {row.point for row in rows} == {f"tflite_{kind}"}
    assert all(row.zeros >= row.planned_zeros for row in rows)
    assert broken_encodings(files[kind], kind) == []


@pytest.mark.parametrize("kind", ["int8", "int8_sparse"])
def test_a_pruned_int8_weight_is_its_zero_point(
    kind: str, reduced: tuple[list[PrunedWeight], dict[str, Path]]
) -> None:
    expected, files = reduced
    (found,) = [c for c in read_constants(files[kind]) if c.shape == (32, 1152)]
    (weight,) = [weight for weight in expected if weight.values.shape == (1152, 32)]
    assert (found.stored[~weight.mask.T] == found.zero_point[0]).all()
    assert found.zero_point.tolist() == [0] * 32


def test_a_pruned_int8_weight_beside_its_zero_point_fails(
    reduced: tuple[list[PrunedWeight], dict[str, Path]], tmp_path: Path
) -> None:
    expected, files = reduced
    (found,) = [c for c in read_constants(files["int8"]) if c.shape == (32, 1152)]
    (weight,) = [weight for weight in expected if weight.values.shape == (1152, 32)]
    content = bytearray(files["int8"].read_bytes())
    start = content.find(found.stored.tobytes())
    content[start + int(np.flatnonzero(~weight.mask.T)[7])] = 1
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(content)
    rows = check_tflite_file(expected, wrong, "int8")
    assert list(failures(rows)) == [weight.layer]
    assert f"1 of {weight.planned_zeros} planned zeros are not zero" in failures(rows)[weight.layer]


def sparse_numbers(path: Path, shape: tuple[int, ...]) -> tuple[bytes, bytes]:
    """The row borders and the columns of a tensor that is stored value by value, as they lie in the file."""
    (constant,) = [c for c in read_constants(path) if c.shape == shape]
    kept = ~constant.zeros
    segments = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return segments.astype("<u2").tobytes(), np.nonzero(kept)[1].astype("<u2").tobytes()


@pytest.mark.parametrize(
    ("part", "place", "value", "told"),
    [
        (0, 5, 60_000, "segments that do not fit its indices"),
        (0, 0, 1, "segments that do not fit its indices"),
        (1, 0, 1152, "points at 0 to 1152 along dimension 1, which has 1152"),
        (1, 1, None, "places 1 of its 18432 values where another lies"),
    ],
)
def test_a_corrupted_sparse_encoding_fails_its_own_weight_alone(
    part: int,
    place: int,
    value: int | None,
    told: str,
    reduced: tuple[list[PrunedWeight], dict[str, Path]],
    tmp_path: Path,
) -> None:
    expected, files = reduced
    content = bytearray(files["float32_sparse"].read_bytes())
    numbers = sparse_numbers(files["float32_sparse"], (32, 1152))[part]
    assert content.count(numbers) == 1
    start = content.find(numbers)
    written = numbers[:2] if value is None else np.array(value, "<u2").tobytes()
    content[start + 2 * place : start + 2 * place + 2] = written
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(content)
    rows = check_tflite_file(expected, wrong, "float32_sparse")
    (layer,) = failures(rows)
    assert {weight.layer: weight.values.shape for weight in expected}[layer] == (1152, 32)
    assert (
        f"may be it, but its sparse encoding is broken: it {'has ' * ('segments' in told)}{told}"
        in (failures(rows)[layer])
    )
    (problem,) = broken_encodings(wrong, "float32_sparse")
    assert problem.startswith(f"tflite_float32_sparse: {wrong}: '")
    assert told in problem


def narrow_and_wide(pruned_columns: slice) -> tuple[tf_keras.Model, list[PrunedWeight]]:
    """The first kernel has 3 inputs, fewer than a block of TensorFlow's encoder; the second is sound."""
    model = stack((3,), layers.Dense(32, name="narrow"), layers.Dense(32, name="wide"))
    rng = np.random.default_rng(0)
    expected = []
    for layer, weight, variable in kernels(model):
        values = rng.normal(size=variable.shape).astype(np.float32)
        values[:, pruned_columns] = 0.0
        variable.assign(values)
        mask, zeros = values != 0, int((values == 0).sum())
        expected.append(PrunedWeight(layer, weight, zeros, mask, values, Unstructured(), promised=False))
    return model, expected


def test_a_kernel_that_the_encoder_lost_is_missed(tmp_path: Path) -> None:
    model, weights = narrow_and_wide(slice(0, 16))
    path = convert(model, "float32_sparse", tmp_path / "m.tflite")
    (lost,) = [c for c in read_constants(path) if c.shape == (32, 3)]
    assert lost.problem is None
    assert lost.zeros.all()  # As sparse as can be.
    problems = failures(check_tflite_file(weights, path, "float32_sparse"))
    assert list(problems) == ["narrow"]
    assert "48 of 48 kept weights do not reappear" in problems["narrow"]


def test_a_broken_encoding_of_a_layer_that_is_not_pruned_is_told_too(tmp_path: Path) -> None:
    model, weights = narrow_and_wide(slice(0, None, 2))
    path = convert(model, "float32_sparse", tmp_path / "m.tflite")
    (problem,) = broken_encodings(path, "float32_sparse")
    assert "[32, 3]" in problem
    assert problem.endswith(
        "points at 0 to 3 along dimension 1, which has 3. TensorFlow's encoder breaks Dense kernels of fewer"
        " inputs than its blocks of 4: leave the sparse variant out, or that layer dense"
    )
    assert (
        failures(check_tflite_file([w for w in weights if w.layer == "wide"], path, "float32_sparse")) == {}
    )
    assert list(failures(check_tflite_file(weights, path, "float32_sparse"))) == ["narrow"]


def test_the_constants_of_each_weight_are_found_in_order(tmp_path: Path) -> None:
    model = stack((6, 3), layers.LSTM(5, name="lstm"), layers.Dense(4, name="out"), batch=1)
    expected = prune(model, 0.5)
    found = find_weights(expected, convert(model, "float32", tmp_path / "m.tflite"))

    assert [len(matches) for matches in found] == [4, 4, 1]
    for matches, weight in zip(found, expected, strict=True):
        values = np.concatenate([match.values() for match in matches], axis=-1)
        np.testing.assert_array_equal(values, weight.values)


def test_a_weight_that_is_not_there_has_no_constants(tmp_path: Path) -> None:
    model = stack((8,), layers.Dense(7))
    expected = prune(model, 0.5)
    model.layers[0].kernel.assign_add(model.layers[0].kernel * 0 + 1)

    assert find_weights(expected, convert(model, "float32", tmp_path / "m.tflite")) == [()]

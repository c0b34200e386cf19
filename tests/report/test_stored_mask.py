from pathlib import Path

import numpy as np
import pytest
import tf_keras

from runner.plan import PlannedWeight
from runner.pruning.structures import Block, MByN, Structure, Unstructured
from runner.report.stored_mask import Groups, StoredMask, density, group_edges, read_stored_masks
from runner.tflite.flatbuffer import read_constants
from runner.verify import PrunedWeight
from tests.tflite_files import convert
from tests.verify.pruned_models import prune

layers = tf_keras.layers


def row(
    shape: tuple[int, ...], structure: Structure, layer: str = "layer", weight: str = "kernel"
) -> PlannedWeight:
    return PlannedWeight(layer, "Dense", weight, shape, shape, structure=structure)


def read(model: tf_keras.Model, expected: list[PrunedWeight], path: Path) -> list[StoredMask | None]:
    planned = {(w.layer, w.weight): row(w.values.shape, Unstructured(), w.layer, w.weight) for w in expected}
    before = {(w.layer, w.weight): np.ones(w.values.shape, np.float32) for w in expected}
    return list(read_stored_masks(expected, planned, before, convert(model, "float32", path)))


def the_only(model: tf_keras.Model, path: Path) -> tuple[StoredMask, PrunedWeight]:
    expected = prune(model, 0.5)
    [mask] = read(model, expected, path)
    assert mask is not None
    return mask, expected[0]


def test_a_dense_kernel_is_the_matrix_of_the_file(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((8,)), layers.Dense(7, name="a")])
    mask, weight = the_only(model, tmp_path / "m.tflite")

    [constant] = [c for c in read_constants(tmp_path / "m.tflite") if c.shape == (7, 8)]
    np.testing.assert_array_equal(mask.zeros, constant.values == 0)
    np.testing.assert_array_equal(mask.zeros, ~weight.mask.T)
    assert (mask.title, mask.rows, mask.columns) == ("a", "outputs", "inputs")
    assert (mask.before.sum(), mask.after_from) == (56, "in the file")
    np.testing.assert_array_equal(np.sort(mask.after), np.sort(weight.values[weight.values != 0]))


def test_a_convolution_is_flattened_as_the_file_stores_it(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(6, 3)])
    mask, _ = the_only(model, tmp_path / "m.tflite")

    [constant] = [c for c in read_constants(tmp_path / "m.tflite") if c.shape == (6, 3, 3, 3)]
    np.testing.assert_array_equal(mask.zeros, (constant.values == 0).reshape(6, 27))
    assert mask.columns == "inputs at each place of the window"


def test_a_folded_norm_is_told_and_the_weights_are_not_scaled(tmp_path: Path) -> None:
    norm = layers.BatchNormalization()
    model = tf_keras.Sequential([layers.Input((8, 8, 3)), layers.Conv2D(6, 3, use_bias=False), norm])
    mask, weight = the_only(model, tmp_path / "m.tflite")

    assert mask.after_from == "in model.keras; the file holds them scaled"
    np.testing.assert_array_equal(np.sort(mask.after), np.sort(weight.values[weight.values != 0]))


def test_the_gates_of_a_recurrent_kernel_stand_below_each_other(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((6, 3), batch_size=1), layers.LSTM(5)])
    expected = prune(model, 0.5)

    masks = read(model, expected, tmp_path / "m.tflite")

    for mask, weight in zip(masks, expected, strict=True):
        assert mask is not None
        np.testing.assert_array_equal(mask.zeros, ~weight.mask.T)
    assert [mask.zeros.shape for mask in masks if mask] == [(20, 3), (20, 5)]


def test_a_weight_that_the_file_does_not_hold_has_no_mask(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((8,)), layers.Dense(7)])
    expected = prune(model, 0.5)
    model.layers[0].kernel.assign_add(model.layers[0].kernel * 0 + 1)

    assert read(model, expected, tmp_path / "m.tflite") == [None]


@pytest.mark.parametrize(
    ("shape", "structure", "rows", "columns"),
    [
        ((8, 3), Unstructured(), [], []),
        ((10, 3), MByN(2, 4), [], [4, 8]),  # The tail's two make a group of their own.
        ((1, 3, 4, 2), MByN(2, 4), [], [4, 8]),
        ((1, 4, 2, 6), MByN(2, 4), [], [4]),  # By the flattened row: 2 channels are no group.
        ((1, 2, 6, 3), MByN(2, 4, "input_channels"), [], [4, 6, 10]),  # Each place begins anew.
        ((10, 5), Block(4, 2), [2, 4], [4, 8]),
        ((2, 2, 3, 5), Block(5, 1), [1, 2, 3, 4], [5, 10]),
    ],
)
def test_where_groups_begin(
    shape: tuple[int, ...], structure: Structure, rows: list[int], columns: list[int]
) -> None:
    row_edges, column_edges, _ = group_edges(row(shape, structure))

    assert (row_edges.tolist(), column_edges.tolist()) == (rows, columns)


@pytest.mark.parametrize("structure", [MByN(2, 4), MByN(1, 3), Block(4, 3), Block(1, 2)])
def test_groups_of_the_picture_are_those_of_the_mask(structure: Structure) -> None:
    # In each group a picture draws a whole pattern must hold.
    values = np.random.default_rng(0).normal(size=(2, 2, 12, 6)).astype(np.float32)
    zeros = structure.mask(values, 1 / 3 if isinstance(structure, MByN) and structure.n == 3 else 0.5) == 0
    row_edges, column_edges, (tall, wide) = group_edges(row(values.shape, structure))
    matrix = zeros.reshape(48, 6).T

    parts = [part for band in np.split(matrix, row_edges) for part in np.split(band, column_edges, axis=1)]

    if isinstance(structure, MByN):
        assert {tuple(np.unique(part.sum(axis=1))) for part in parts} == {(structure.m,)}
    else:
        assert {part.shape for part in parts} == {(tall, wide)}
        assert {part.mean() for part in parts} == {0.0, 1.0}


def made(zeros: np.ndarray, group: tuple[int, int] = (1, 1)) -> StoredMask:
    none = np.zeros(0, np.float32)
    return StoredMask(
        "a", "unstructured", "outputs", "inputs", zeros, none, none, "in the file", Groups(size=group)
    )


def test_a_small_tensor_is_shown_weight_by_weight() -> None:
    zeros = np.array([[True, False, True]])
    shares, tall, wide = density(made(zeros), 4, 4)

    assert (shares.tolist(), tall, wide) == ([[0.0, 1.0, 0.0]], 1, 1)


def test_a_large_tensor_is_shown_as_shares() -> None:
    zeros = np.zeros((3, 10), bool)
    zeros[0, :3] = zeros[2] = True
    shares, tall, wide = density(made(zeros), 2, 3)

    # Cells of 2 x 4; those at the edges hold what is left.
    assert (tall, wide) == (2, 4)
    assert shares.tolist() == [[5 / 8, 1.0, 1.0], [0.0, 0.0, 0.0]]


def test_cells_hold_whole_groups_so_that_a_pattern_draws_no_stripes() -> None:
    zeros = MByN(2, 4).mask(np.random.default_rng(0).normal(size=(1000, 16)), 0.5).T == 0
    shares, tall, wide = density(made(zeros, (1, 4)), 16, 330)

    assert (tall, wide) == (1, 4)
    assert set(shares.ravel()) == {0.5}

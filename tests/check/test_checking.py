from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.check.checking import FileCheck, check_file
from runner.check.options import CheckOptions
from runner.process.errors import UserError
from runner.pruning.masks import unstructured_mask
from runner.pruning.notation import AXES, Axis
from runner.tflite.patterns import BlockPattern, MByNPattern, PatternResult
from tests.tflite_files import convert

layers = tf_keras.layers
EXACT = ["float32", "float32_sparse", "float16"]
ALL = [*EXACT, "int8", "int8_sparse"]


def verdicts(check: FileCheck, pattern: str, axis: Axis) -> dict[str, str]:
    return {tensor.layer: tensor.results[pattern][axis].verdict for tensor in check.tensors}


def passed(check: FileCheck) -> dict[str, bool]:
    return {tensor.layer: tensor.passed for tensor in check.tensors}


@pytest.mark.parametrize("variant", ALL)
def test_every_variant_shows_the_same_zeros(variant: str, files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files[variant]))
    zeros = {tensor.layer: (tensor.zeros, tensor.size) for tensor in check.tensors}
    # A tail of 2 of the 18 weights in a row has 1 zero; 410 of the 512 blocks of 16 are 80 %.
    least = {"conv_1": (72, 144), "conv_2": (576, 1152), "hidden": (6560, 8192), "logits": (0, 128)}
    if variant in EXACT:
        assert zeros == least
    else:
        for layer, (count, size) in least.items():
            assert count <= zeros[layer][0] <= count + 0.05 * size
            assert zeros[layer][1] == size
    assert check.passed
    assert check.left_out == ()


@pytest.mark.parametrize("variant", ALL)
def test_m_by_n_holds_along_either_axis_and_not_vacuously(variant: str, files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files[variant], m_by_n=MByNPattern(2, 4)))
    assert verdicts(check, "2:4", "input_channels") == {
        "conv_1": "vacuous",
        "conv_2": "holds",
        "hidden": "broken",
        "logits": "broken",
    }
    assert verdicts(check, "2:4", "flattened") == {
        "conv_1": "holds",
        "conv_2": "holds",
        "hidden": "broken",
        "logits": "broken",
    }
    assert passed(check) == {"conv_1": True, "conv_2": True, "hidden": False, "logits": False}
    assert not check.passed


def test_an_axis_narrows(files: Mapping[str, Path]) -> None:
    options = CheckOptions(files["float32"], m_by_n=MByNPattern(2, 4), layers=("conv_*",))
    assert check_file(options).passed
    assert check_file(replace(options, axes=("flattened",))).passed
    by_channels = check_file(replace(options, axes=("input_channels",)))
    assert passed(by_channels) == {"conv_1": False, "conv_2": True}
    assert list(by_channels.tensors[0].results["2:4"]) == ["input_channels"]


@pytest.mark.parametrize("variant", ALL)
def test_blocks(variant: str, files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files[variant], blocks=BlockPattern(16)))
    assert verdicts(check, "block 16", "flattened") == {
        "conv_1": "broken",
        "conv_2": "broken",
        "hidden": "holds",
        "logits": "vacuous",
    }
    assert passed(check) == {"conv_1": False, "conv_2": False, "hidden": True, "logits": False}


def test_a_vacuous_pattern_is_told_from_one_that_holds(files: Mapping[str, Path]) -> None:
    [tensor] = check_file(
        CheckOptions(files["float32"], m_by_n=MByNPattern(2, 4), layers=("conv_1",))
    ).tensors
    assert tensor.results["2:4"] == {
        "input_channels": PatternResult("vacuous", 0, 0),
        "flattened": PatternResult("holds", 40, 0),
    }


def test_without_a_pattern_the_common_ones_are_shown(files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files["float32"], layers=("conv_2",)))
    assert {label: found["input_channels"].verdict for label, found in check.tensors[0].results.items()} == {
        "1:2": "broken",
        "1:4": "holds",
        "2:4": "holds",
        "4:8": "holds",
    }
    assert check.passed


def test_several_demands_must_all_hold(files: Mapping[str, Path]) -> None:
    options = CheckOptions(files["float32"], m_by_n=MByNPattern(2, 4), blocks=BlockPattern(16), sparsity=0.6)
    assert {tensor.layer: tensor.failures for tensor in check_file(options).tensors} == {
        "conv_1": ("block 16", "sparsity"),
        "conv_2": ("block 16", "sparsity"),
        "hidden": ("2:4",),
        "logits": ("2:4", "block 16", "sparsity"),
    }


@pytest.mark.parametrize("sparsity", [0.3, 0.55, 0.85, 0.9])
def test_a_sparsity_is_met_by_what_the_engine_prunes_for_it_and_not_by_one_less(
    sparsity: float, tmp_path: Path
) -> None:
    model = tf_keras.Sequential([layers.Input((5,)), layers.Dense(7)])
    kernel = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    mask = unstructured_mask(kernel, sparsity).astype(np.float32)
    model.layers[0].set_weights([kernel * mask, np.ones(7)])
    assert check_file(
        CheckOptions(convert(model, "float32", tmp_path / "a.tflite"), sparsity=sparsity)
    ).passed
    mask[tuple(np.argwhere(mask == 0)[0])] = 1
    model.layers[0].set_weights([kernel * mask, np.ones(7)])
    assert not check_file(
        CheckOptions(convert(model, "float32", tmp_path / "b.tflite"), sparsity=sparsity)
    ).passed


def test_the_gates_of_an_lstm_are_checked_one_by_one(files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files["lstm"], m_by_n=MByNPattern(2, 4), layers=("*LSTM",)))
    assert [tensor.passed for tensor in check.tensors] == [True] * 4 + [False] * 4


def test_a_glob_that_selects_nothing_lists_the_layers(files: Mapping[str, Path]) -> None:
    with pytest.raises(UserError) as caught:
        check_file(CheckOptions(files["float32"], layers=("conv*", "hiden")))
    assert str(caught.value) == (
        f"{files['float32']}: --layer 'hiden' selects no weight tensor. Did you mean 'hidden'?"
        " There are: conv_1, conv_2, hidden, logits"
    )


def test_a_pattern_that_the_shell_replaced_by_one_file_is_told(
    files: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conv.py").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        check_file(CheckOptions(files["float32"], layers=("conv.py",)))
    assert str(caught.value).partition("selects no weight tensor.")[2] == (
        " It is a file here; if a pattern was written, the shell puts the names of files in its place where"
        " they fit; quote it: --layer 'conv*'. There are: conv_1, conv_2, hidden, logits"
    )


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("conv*", {"conv_1", "conv_2"}),
        ("FULLY_CONNECTED", {"hidden", "logits"}),
        ("small_cnn/hidden/MatMul", {"hidden"}),
    ],
)
def test_layers_are_selected(glob: str, expected: set[str], files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files["float32"], layers=(glob,)))
    assert {tensor.layer for tensor in check.tensors} == expected


def test_a_model_without_weights_can_be_asked_for_nothing(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((4,)), layers.ReLU()])
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert check_file(CheckOptions(path)) == FileCheck(CheckOptions(path), (), ())
    with pytest.raises(UserError, match="has no weight tensors, so there is nothing to check"):
        check_file(CheckOptions(path, sparsity=0.5))


def test_a_broken_sparse_encoding_fails_whatever_is_asked(tmp_path: Path) -> None:
    # TensorFlow's encoder writes blocks of 4 inputs for a layer that has 3.
    model = tf_keras.Sequential(
        [layers.Input((3,)), layers.Dense(32, name="narrow"), layers.Dense(2, name="b")]
    )
    kernel = np.random.default_rng(0).normal(size=(3, 32)).astype(np.float32)
    kernel[:, ::2] = 0.0
    model.get_layer("narrow").set_weights([kernel, np.zeros(32)])
    check = check_file(CheckOptions(convert(model, "float32_sparse", tmp_path / "m.tflite")))
    assert {tensor.layer: tensor.failures for tensor in check.tensors} == {
        "narrow": ("encoding",),
        "b": (),
    }
    assert "its sparse encoding is broken" in (check.tensors[0].weight.constant.problem or "")


def test_what_tfmot_pruned_is_checked_and_what_it_missed_is_found(tmp_path: Path) -> None:
    tfmot = pytest.importorskip("tensorflow_model_optimization").sparsity.keras
    tf_keras.utils.set_random_seed(0)
    model = tf_keras.Sequential(
        [
            layers.Input((6, 6, 2)),
            layers.Conv2D(8, 3, name="first"),
            layers.Conv2D(8, 3, name="second"),
            layers.Flatten(),
            layers.Dense(4, name="last"),
        ],
        name="pruned",
    )
    pruned = tfmot.prune_low_magnitude(
        model,
        tfmot.ConstantSparsity(0.5, begin_step=0, frequency=1),
        sparsity_m_by_n=(2, 4),
    )
    pruned.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensors((tf.ones((2, 6, 6, 2)), tf.ones((2, 4)))).repeat(2)
    pruned.fit(data, verbose=0, callbacks=[tfmot.UpdatePruningStep()])
    path = convert(tfmot.strip_pruning(pruned), "float32", tmp_path / "m.tflite")
    check = check_file(CheckOptions(path, m_by_n=MByNPattern(2, 4)))
    # It leaves a convolution of two channels dense, and its own check says that 2:4 holds there.
    assert sorted(passed(check).values()) == [False, True, True]
    [missed] = [tensor for tensor in check.tensors if not tensor.passed]
    assert (missed.zeros, missed.weight.constant.shape) == (0, (8, 3, 3, 2))
    assert [missed.results["2:4"][axis].verdict for axis in AXES] == ["vacuous", "broken"]

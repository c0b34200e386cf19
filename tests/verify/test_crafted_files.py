"""Files that hold the planned zeros and run, but not the trained weights: made by editing sound ones."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from runner.export.convert import convert
from runner.export.flatbuffer import read_constants
from runner.verify import PrunedWeight, check_file
from tests.verify.pruned_models import prune

layers = tf_keras.layers
KINDS = ("float32", "float16", "dynamic_range", "int8", "int8_sparse")
DENSE, CONV, DEPTHWISE = (48, 72), (8, 3, 3, 4), (1, 3, 3, 8)  # As stored.
X = np.random.default_rng(2).normal(size=(20, 8, 8, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[PrunedWeight], Mapping[str, Path]]:
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 4)),
            layers.Conv2D(8, 3, use_bias=False, name="conv"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(48, name="dense"),
        ]
    )
    expected = prune(model, 0.5)
    folder = tmp_path_factory.mktemp("sound")
    return expected, {kind: convert(model, kind, folder / f"{kind}.tflite", X) for kind in KINDS}


Change = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From stored numbers and scales to those of the crafted file."""


def crafted(path: Path, target: Path, shape: tuple[int, ...], change: Change) -> Path:
    """Copies a file with the constant of that shape, which is not stored sparse, changed."""
    model = flatbuffer_utils.read_model(str(path))
    [tensor] = [
        tensor
        for tensor in model.subgraphs[0].tensors
        if tuple(tensor.shape) == shape and model.buffers[tensor.buffer].data is not None
    ]
    dtype = {schema.TensorType.INT8: np.int8, schema.TensorType.FLOAT16: np.float16}.get(
        tensor.type, np.float32
    )
    buffer: Any = model.buffers[tensor.buffer]
    stored = np.frombuffer(bytes(bytearray(buffer.data)), dtype).reshape(shape)
    scale = tensor.quantization.scale if tensor.quantization is not None else None
    stored, scale = change(stored, np.ones(1) if scale is None else np.array(scale))
    buffer.data = list(stored.astype(dtype).tobytes())
    if tensor.quantization is not None and tensor.quantization.scale is not None:
        tensor.quantization.scale = scale.astype(np.float32).tolist()
    flatbuffer_utils.write_model(model, str(target))
    return target


def failed(expected: list[PrunedWeight], path: Path) -> dict[str, str]:
    return {row.layer: row.problem for row in check_file(expected, path, "made") if row.problem is not None}


def slices(scale: np.ndarray, stored: np.ndarray) -> np.ndarray:
    """Scales that broadcast; depthwise kernels have theirs along the last axis, others along the first."""
    last = stored.shape[0] == 1
    return scale.reshape((1,) * (stored.ndim - 1) + (-1,) if last else (-1,) + (1,) * (stored.ndim - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_sound_files_pass_with_known_factors_and_without(
    kind: str, sound: tuple[list[PrunedWeight], Mapping[str, Path]]
) -> None:
    expected, files = sound
    assert all(weight.folds is not None for weight in expected)
    assert failed(expected, files[kind]) == {}
    assert failed([replace(weight, folds=None) for weight in expected], files[kind]) == {}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("layer", "shape"), [("dense", DENSE), ("conv", CONV), ("depthwise", DEPTHWISE)])
def test_a_step_as_large_as_the_weights_fails(
    layer: str,
    shape: tuple[int, ...],
    known: bool,
    sound: tuple[list[PrunedWeight], Mapping[str, Path]],
    tmp_path: Path,
) -> None:
    """Every weight lies within such a step of its rounded self, and of zero."""
    expected, files = sound
    if not known:
        expected = [replace(weight, folds=None) for weight in expected]

    def coarser(stored: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.rint(stored / 127), scale * 127

    def emptied(stored: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(stored), scale * 127

    for change in (coarser, emptied):
        wrong = crafted(files["int8"], tmp_path / "wrong.tflite", shape, change)
        problems = failed(expected, wrong)
        assert list(problems) == [layer]
        assert "kept weights do not reappear" in problems[layer]
    if layer == "dense":  # Nothing is folded into it, so that the values themselves are compared.
        assert "(its quantization step is 126 times what they need)" in problems[layer]


@pytest.mark.parametrize("kind", ["float32", "float16", "int8"])
@pytest.mark.parametrize(("layer", "shape"), [("conv", CONV), ("depthwise", DEPTHWISE), ("dense", DENSE)])
def test_channels_scaled_by_what_no_layer_multiplies_by_fail(
    kind: str,
    layer: str,
    shape: tuple[int, ...],
    sound: tuple[list[PrunedWeight], Mapping[str, Path]],
    tmp_path: Path,
) -> None:
    expected, files = sound

    def rescaled(stored: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        channels = shape[-1] if shape[0] == 1 else shape[0]
        factors = np.where(np.arange(channels) == 3, 1.1, 1.0)
        return (stored, scale * factors) if kind == "int8" else (stored * slices(factors, stored), scale)

    wrong = crafted(files[kind], tmp_path / "wrong.tflite", shape, rescaled)
    assert list(failed(expected, wrong)) == [layer]


def test_a_weight_alone_in_its_channel_cannot_be_anything(tmp_path: Path) -> None:
    """Its ratio to the trained one would pass for a folded factor, whatever was done to it."""
    model = tf_keras.Sequential(
        [layers.Input((4, 4, 3)), layers.Conv2D(6, 1, name="conv"), layers.BatchNormalization()]
    )
    [weight] = prune(model, 0.5)
    kernel = np.zeros((1, 1, 3, 6), np.float32)
    kernel[0, 0, np.arange(6) % 3, np.arange(6)] = np.arange(1, 7)
    model.get_layer("conv").set_weights([kernel, np.zeros(6)])
    expected = [replace(weight, mask=kernel != 0, values=kernel, planned_zeros=12)]
    path = convert(model, "float32", tmp_path / "m.tflite")
    assert failed(expected, path) == {}

    def doubled(stored: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return stored * slices(np.array([1, 1, 2, 1, 1, 1]), stored), scale

    wrong = crafted(path, tmp_path / "wrong.tflite", (6, 1, 1, 3), doubled)
    assert "1 of 6 kept weights do not reappear" in failed(expected, wrong)["conv"]


def test_a_channel_of_next_to_nothing_may_have_the_step_that_its_bias_needs(tmp_path: Path) -> None:
    """The quantizer raises it where the bias, counted in steps of the weights, would not fit into 32 bits."""
    model = tf_keras.Sequential(
        [layers.Input((40,)), layers.Dense(60, "relu", name="dead"), layers.Dense(40, name="out")]
    )
    expected = prune(model, 0.5)
    kernel = (expected[0].values * 10.0 ** -np.arange(60.0)).astype(np.float32)
    model.get_layer("dead").set_weights([kernel, np.ones(60)])
    expected[0] = replace(expected[0], values=kernel)
    samples = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    path = convert(model, "int8", tmp_path / "m.tflite", samples)
    [found] = [c for c in read_constants(path) if c.shape == (60, 40)]
    needed = np.abs(kernel).max(axis=0) / 127
    assert (found.scale[10:] > 100 * needed[10:]).all()
    assert failed(expected, path) == {}


def test_weights_that_the_quantizer_takes_for_zero_pass(tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((40,)), layers.Dense(60, name="nothing")])
    [weight] = prune(model, 0.5)
    kernel = (weight.values * 1e-18).astype(np.float32)
    model.get_layer("nothing").set_weights([kernel, np.ones(60)])
    samples = np.random.default_rng(0).normal(size=(50, 40)).astype(np.float32)
    path = convert(model, "int8", tmp_path / "m.tflite", samples)
    assert failed([replace(weight, values=kernel)], path) == {}

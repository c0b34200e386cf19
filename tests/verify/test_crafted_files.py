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

from runner.pruning.structures import Unstructured
from runner.tflite.flatbuffer import read_constants
from runner.verify import PrunedWeight, check_tflite_file
from tests.tflite_files import convert
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
    return {
        row.layer: row.problem for row in check_tflite_file(expected, path, "made") if row.problem is not None
    }


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


RNG = np.random.default_rng(0)


def shrunk(model: tf_keras.Model, factors: float | np.ndarray) -> list[PrunedWeight]:
    """Prunes a model, multiplies its kernels and sets its biases to one."""
    expected = []
    for weight in prune(model, 0.5):
        layer = model.get_layer(weight.layer)
        kernel = (weight.values * factors).astype(np.float32)
        layer.set_weights([kernel, *(np.ones(b.shape) for b in layer.get_weights()[1:])])
        expected.append(replace(weight, values=kernel))
    return expected


def converted(model: tf_keras.Model, kind: str, folder: Path) -> Path:
    samples = RNG.normal(size=(50, *model.input_shape[1:])).astype(np.float32)
    return convert(model, kind, folder / f"{kind}.tflite", samples)


def steps(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    [found] = [c for c in read_constants(path) if c.shape == shape]
    return found.scale


FALLING = 10.0 ** -np.arange(60.0)


@pytest.mark.parametrize("layer", ["dense", "conv", "depthwise", "transposed"])
def test_a_step_may_be_what_a_bias_needs(layer: str, tmp_path: Path) -> None:
    """The quantizer raises it where the bias, counted in steps of the weights, would not fit into 32 bits."""
    made, factors, axes = {
        "dense": (layers.Dense(60), FALLING, 0),
        "conv": (layers.Conv2D(60, 2), FALLING, (0, 1, 2)),
        "depthwise": (layers.DepthwiseConv2D(2), FALLING[:, None], (0, 1, 3)),
        "transposed": (layers.Conv2DTranspose(60, 2), FALLING[:, None], (0, 1, 3)),
    }[layer]
    shape = (60,) if layer == "dense" else (3, 3, 60)
    model = tf_keras.Sequential([layers.Input(shape), made])
    expected = shrunk(model, factors)
    path = converted(model, "int8", tmp_path)
    stored = (1, 2, 2, 60) if layer == "depthwise" else (60, *((2, 2, 60) if len(shape) > 1 else shape))
    needed = np.abs(expected[0].values).max(axis=axes) / 127
    assert (steps(path, stored)[10:] > 100 * needed[10:]).all()
    assert failed(expected, path) == {}
    wrong = crafted(
        path, tmp_path / "wrong.tflite", stored, lambda stored, scale: (np.rint(stored / 64), scale * 64)
    )
    assert list(failed(expected, wrong)) == [expected[0].layer]


def test_a_branch_that_weight_decay_brought_to_nothing_passes(tmp_path: Path) -> None:
    """Of a residual branch that is not used only the biases are left, for these do not decay."""
    tf_keras.utils.set_random_seed(0)
    decay = tf_keras.regularizers.L2(0.05)
    unused = tf_keras.initializers.RandomNormal(-1.0, 0.5)
    stem = layers.Dense(32, "relu", name="stem")(entry := layers.Input((16,)))
    branch = layers.Dense(32, "relu", kernel_regularizer=decay, bias_initializer=unused, name="first")(stem)
    branch = layers.Dense(32, kernel_regularizer=decay, name="second")(branch)
    model = tf_keras.Model(entry, layers.Dense(4, name="head")(layers.Add()([stem, branch])))
    x = RNG.normal(size=(256, 16)).astype(np.float32)
    y = (x @ RNG.normal(size=(16, 4))).argmax(axis=1)
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = tf_keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss, metrics=["accuracy"], steps_per_execution=8)
    model.fit(x, y, epochs=40, verbose=0)
    expected = []
    for layer in (layer for layer in model.layers if isinstance(layer, layers.Dense)):
        mask = Unstructured().mask(layer.kernel.numpy(), 0.5).astype(bool)
        layer.kernel.assign(layer.kernel.numpy() * mask)
        zeros = int((~mask).sum())
        expected.append(
            PrunedWeight(layer.name, "kernel", zeros, mask, layer.kernel.numpy(), Unstructured(), False)
        )
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    assert np.abs(model.get_layer("first").kernel).max() < 1e-6
    path = convert(model, "int8", tmp_path / "m.tflite", x)
    assert failed(expected, path) == {}


@pytest.mark.parametrize(("kind", "bias"), [("int8", True), ("int8", False), ("dynamic_range", True)])
@pytest.mark.parametrize("scale", [1e-7, 1e-18])
def test_weights_in_a_smaller_range_than_the_quantizer_knows_pass(
    kind: str, bias: bool, scale: float, tmp_path: Path
) -> None:
    model = tf_keras.Sequential([layers.Input((40,)), layers.Dense(60, use_bias=bias)])
    expected = shrunk(model, scale)
    path = converted(model, kind, tmp_path)
    if kind == "dynamic_range" or not bias:
        np.testing.assert_allclose(steps(path, (60, 40)), 0.5e-6 / 127, rtol=1e-5)
    assert failed(expected, path) == {}


@pytest.mark.parametrize("kind", ["int8", "dynamic_range"])
def test_a_small_channel_may_have_no_larger_step_than_it_needs(kind: str, tmp_path: Path) -> None:
    """However large the other channels are: nothing in the format makes them share a step."""
    model = tf_keras.Sequential([layers.Input((40,)), layers.Dense(60, use_bias=False, name="dense")])
    expected = shrunk(model, np.where(np.arange(60) == 3, 1e-5, 1.0))
    path = converted(model, kind, tmp_path)
    assert failed(expected, path) == {}

    def coarser(stored: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        factors = np.where(np.arange(60) == 3, 60, 1)
        return np.rint(stored / factors[:, None]), scale * factors

    wrong = crafted(path, tmp_path / "wrong.tflite", (60, 40), coarser)
    assert list(failed(expected, wrong)) == ["dense"]


@pytest.mark.parametrize("step", [np.inf, np.nan])
def test_a_step_that_is_no_number_fails_whatever_the_bias(step: float, tmp_path: Path) -> None:
    model = tf_keras.Sequential([layers.Input((40,)), layers.Dense(60, name="dense")])
    expected = shrunk(model, 1e-9)
    path = converted(model, "int8", tmp_path)
    wrong = crafted(
        path, tmp_path / "wrong.tflite", (60, 40), lambda stored, scale: (stored, np.full(60, step))
    )
    assert list(failed(expected, wrong)) == ["dense"]

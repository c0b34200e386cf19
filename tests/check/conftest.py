"""TFLite files with known zeros, converted once for all tests of a session."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tf_keras

from runner.pruning.masks import block_mask, m_by_n_mask
from tests.tflite_files import convert

layers = tf_keras.layers


def small_cnn() -> tf_keras.Model:
    """`conv_1` is 2:4 along the row, `conv_2` is 2:4, `hidden` 80 % in blocks of 16, `logits` dense."""
    rng = np.random.default_rng(0)
    model = tf_keras.Sequential(
        [
            layers.Input((8, 8, 2), name="image"),
            layers.Conv2D(8, 3, name="conv_1"),
            layers.Conv2D(16, 3, name="conv_2"),
            layers.Flatten(),
            layers.Dense(32, name="hidden"),
            layers.Dense(4, name="logits"),
        ],
        name="small_cnn",
    )
    masks = {
        "conv_1": lambda kernel: m_by_n_mask(kernel, 2, 4),
        "conv_2": lambda kernel: m_by_n_mask(kernel, 2, 4),
        "hidden": lambda kernel: block_mask(kernel, 0.8, (16, 1)),
    }
    for layer in model.layers:
        if layer.weights:
            kernel = rng.normal(size=layer.kernel.shape).astype(np.float32)
            mask = masks.get(layer.name, np.ones_like)(kernel)
            layer.set_weights([kernel * mask, rng.normal(size=layer.bias.shape)])
    return model


def lstm() -> tf_keras.Model:
    """An LSTM whose input kernel is 2:4 and whose recurrent kernel is dense."""
    rng = np.random.default_rng(1)
    model = tf_keras.Sequential(
        [layers.Input((3, 8)), layers.LSTM(4, name="memory"), layers.Dense(2, name="out")], name="recurrent"
    )
    memory = model.get_layer("memory")
    kernel, recurrent, bias = (rng.normal(size=w.shape).astype(np.float32) for w in memory.get_weights())
    memory.set_weights([kernel * m_by_n_mask(kernel, 2, 4), recurrent, bias])
    return model


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The small network by variant, and `lstm`."""
    folder, model = tmp_path_factory.mktemp("checked"), small_cnn()
    samples = np.random.default_rng(2).normal(size=(16, 8, 8, 2)).astype(np.float32)
    made = {
        variant: convert(model, variant, folder / f"{variant}.tflite", samples)
        for variant in ("float32", "float32_sparse", "float16", "int8", "int8_sparse")
    }
    return {**made, "lstm": convert(lstm(), "float32", folder / "lstm.tflite")}

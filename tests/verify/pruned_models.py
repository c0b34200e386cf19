"""Models with known zeros, and what the sparsity check is to expect of them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

from runner.pruning.structures import Structure, Unstructured
from runner.tflite.flatbuffer import read_constants
from runner.verify import PrunedWeight
from runner.verify.model_folds import model_folds


def kernels(model: tf_keras.Model) -> Iterable[tuple[str, str, tf.Variable]]:
    for variable in model.trainable_weights:
        layer, _, weight = variable.name.removesuffix(":0").rpartition("/")
        if any(word in weight for word in ("kernel", "embeddings")):
            yield layer, weight, variable


def prune(
    model: tf_keras.Model, sparsity: float = 0.5, structure: Structure | None = None, seed: int = 0
) -> list[PrunedWeight]:
    """Prunes every kernel of a model in place, and gives its batch norms something to fold in."""
    rng = np.random.default_rng(seed)
    structure = structure or Unstructured()
    for layer in model.layers:
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.5, 2.0, w.shape) * (-1) ** k for k, w in enumerate(layer.weights)]
            )
            layer.moving_variance.assign(rng.uniform(0.5, 2.0, layer.moving_variance.shape))
    expected, folds = [], model_folds(model)
    for layer, weight, variable in kernels(model):
        values = rng.normal(size=variable.shape).astype(np.float32)
        mask = structure.mask(values, sparsity).astype(bool)
        variable.assign(values * mask)
        expected.append(
            PrunedWeight(
                layer=layer,
                weight=weight,
                planned_zeros=structure.planned_zeros(values.shape, sparsity),
                mask=mask,
                values=variable.numpy(),
                structure=structure,
                promised=structure.promises(sparsity),
                folds=folds.get(variable.ref()),
            )
        )
    return expected


def patch(path: Path, target: Path, shape: tuple[int, ...], place: tuple[int, ...], value: float) -> Path:
    """Copies a float32 TFLite file with one number of the constant of that shape overwritten in its bytes."""
    (constant,) = [c for c in read_constants(path) if c.shape == shape]
    content = bytearray(path.read_bytes())
    start = content.find(constant.values.tobytes())
    assert start > 0
    start += 4 * int(np.ravel_multi_index(place, shape))
    content[start : start + 4] = np.float32(value).tobytes()
    target.write_bytes(content)
    return target

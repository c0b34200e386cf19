"""Compares a TFLite file's outputs with its model's."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import tf_keras

# Where a sequence may be of any length, the loosest tolerance holds.
_ANY_LENGTH = 10**6


def compare_outputs(
    wanted: np.ndarray, outputs: np.ndarray, path: str | Path, *, tolerance: float, step: float = 0.0
) -> str | None:
    """Checks that a TFLite file computes what its model does.

    Args:
        wanted: The Keras model's outputs on some samples `[n, ...]`, 32 are enough.
        outputs: The file's on the same samples.
        path: The `.tflite` file, for the message.
        tolerance: The largest difference allowed, as a share of the size of the model's outputs, both root
            mean squares over all samples and outputs, e.g. 1e-3; see `Variant.tolerance`.
        step: The distance between two outputs that the file can give, which is allowed on top; 0 for floats.

    Returns:
        `None` when they agree, else what is wrong.
    """
    wanted, outputs = np.asarray(wanted, np.float64), np.asarray(outputs, np.float64)
    if outputs.shape != wanted.shape:
        return f"{path}: gives outputs of the shape {outputs.shape}, the Keras model {wanted.shape}"
    if not np.isfinite(outputs).all():
        broken = np.count_nonzero(~np.isfinite(outputs))
        return f"{path}: {broken} of its {outputs.size} outputs on {len(wanted)} samples are NaN or infinite"
    size, difference = _root_mean_square(wanted), _root_mean_square(outputs - wanted)
    # Below the smallest normal float32 both are zero to any reader.
    allowed = max(tolerance * size + step, float(np.finfo(np.float32).tiny))
    if difference <= allowed:
        return None
    one_step = f" + {step:.3g} (one step)" if step else ""
    return (
        f"{path}: outputs differ from the Keras model's by {difference:.3g} (root mean square over"
        f" {len(wanted)} samples) where {allowed:.3g} is allowed: {tolerance:.3g} x {size:.3g}"
        f" (their size){one_step}"
    )


def _root_mean_square(values: np.ndarray) -> float:
    # Scaled, or the squares of small numbers are lost and those of large ones infinite.
    largest = float(np.abs(values).max(initial=0.0))
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest else 0.0


def rounding_depth(model: "tf_keras.Model") -> int:
    """Counts the layers whose rounding adds up in a model's outputs.

    Args:
        model: A built model.

    Returns:
        Its weight tensors of two dimensions or more; those of recurrent models as often as there are steps.
    """
    import tf_keras

    from runner.pruning.keras_internals import inner_layers

    kernels = sum(len(weight.shape) >= 2 for weight in model.weights)
    recurrent = any(isinstance(layer, tf_keras.layers.RNN) for layer in inner_layers(model))
    # Wherever a sequence goes, it is no longer than what comes in.
    return max(1, kernels) * ((model.inputs[0].shape[1] or _ANY_LENGTH) if recurrent else 1)

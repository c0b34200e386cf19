"""Compares a TFLite file's outputs with its model's."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.export.interpreter import TFLiteRunError, predict

if TYPE_CHECKING:
    import tf_keras


def check_outputs(model: "tf_keras.Model", path: str | Path, x: np.ndarray, tolerance: float) -> str | None:
    """Checks that a TFLite file computes what its model does.

    Args:
        model: The Keras model that was converted.
        path: The `.tflite` file.
        x: Samples `[n, ...]`, 32 are enough.
        tolerance: The largest difference allowed, as a share of the largest output of the model, e.g. 1e-3.

    Returns:
        `None` when they agree, else what is wrong; a file that does not run is wrong too.
    """
    wanted = np.asarray(model(x, training=False), np.float64)
    try:
        outputs = np.asarray(predict(path, x, batch_size=len(x)), np.float64)
    except TFLiteRunError as error:
        return str(error)
    if outputs.shape != wanted.shape:
        return f"{path}: gives outputs of the shape {outputs.shape}, the Keras model {wanted.shape}"
    if not np.isfinite(outputs).all():
        broken = np.count_nonzero(~np.isfinite(outputs))
        return f"{path}: {broken} of its {outputs.size} outputs on {len(x)} samples are NaN or infinite"
    differences = np.abs(outputs - wanted)
    allowed = tolerance * np.abs(wanted).max()
    # Below the smallest normal float32 both are zero to any reader.
    wrong = ~(differences <= max(allowed, float(np.finfo(np.float32).tiny)))
    if not wrong.any():
        return None
    samples = int(np.count_nonzero(wrong.reshape(len(x), -1).any(axis=1)))
    return (
        f"{path}: outputs differ from the Keras model's on {samples} of {len(x)} samples, by up to"
        f" {np.nanmax(differences):.3g} where {allowed:.3g} is allowed ({tolerance:g} of the largest output)"
    )

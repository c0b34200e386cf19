"""Makes and runs TFLite files in the tests' own process."""

import tempfile
from pathlib import Path

import numpy as np
import tf_keras

from runner.export.graph import in_batches, write_graph
from runner.export.interpreter import Program
from runner.export.variants import VARIANTS, convert_graph


def convert(model: tf_keras.Model, variant: str, path: Path, calibration: np.ndarray | None = None) -> Path:
    """Writes a built model as a TFLite file; a variant that is calibrated takes samples `[n, ...]`."""
    kind = VARIANTS.get(variant, where="variant")
    with tempfile.TemporaryDirectory() as folder:
        graph, samples = write_graph(model, Path(folder, "graph")), None
        if calibration is not None:
            samples = Path(folder, "calibration.npy")
            np.save(samples, in_batches(model, calibration))
        convert_graph(graph, kind, path, samples)
    return path


def predict(path: Path, x: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """Returns a file's outputs for samples `[n, ...]`."""
    return Program(path).predict(x, batch_size)

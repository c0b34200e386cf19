"""Converts models to TFLite files."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from runner.export.interpreter import Alive
from runner.export.variants import VARIANTS, Variant

if TYPE_CHECKING:
    import tf_keras


def convert_graph(
    graph: Path,
    variant: type[Variant],
    target: Path,
    calibration: Path | None = None,
    *,
    alive: Alive = lambda: None,
) -> None:
    """Writes a graph as a TFLite file.

    The converter may end the process that it runs in, so a run calls this in a `Child`.

    Args:
        graph: A SavedModel, see `write_graph`.
        variant: The kind of file.
        target: Where to write it; a file that is there is replaced.
        calibration: A `.npy` file of batches of training samples `[n, batch, ...]`, for a variant that is
            calibrated.
        alive: Called as each batch is taken.

    Raises:
        Exception: Whatever the converter raises, which is of every kind.
    """
    batches = None if calibration is None else np.load(calibration, mmap_mode="r")

    def samples() -> Iterator[list[Any]]:
        for batch in batches if batches is not None else ():
            alive()
            yield [np.array(batch)]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(graph))
    variant().configure(converter, samples)
    target.write_bytes(converter.convert())


def convert(
    model: "tf_keras.Model", variant: str, path: str | Path, calibration: np.ndarray | None = None
) -> Path:
    """Writes a model as a TFLite file, in this process and outside of a run.

    Args:
        model: A built model, pruning wrappers stripped.
        variant: A name in `VARIANTS`, e.g. `"float32"`.
        path: Where to write the file; its folder must exist. A file that is there is replaced.
        calibration: Training samples `[n, ...]`, for a variant that is calibrated.

    Returns:
        `path`.

    Raises:
        UserError: There is no such variant.
        Exception: Whatever the converter raises, which is of every kind.
    """
    from runner.export.graph import in_batches, write_graph

    kind, path = VARIANTS.get(variant, where="variant"), Path(path)
    with tempfile.TemporaryDirectory() as folder:
        graph, samples = write_graph(model, Path(folder, "graph")), None
        if calibration is not None:
            samples = Path(folder, "calibration.npy")
            np.save(samples, in_batches(model, calibration))
        convert_graph(graph, kind, path, samples)
    return path

"""Conversion of models to TFLite files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from runner.export.interpreter import Alive
from runner.export.variants import Variant


def convert_graph(
    graph: Path,
    variant: type[Variant],
    target: Path,
    calibration: Path | None = None,
    *,
    alive: Alive = lambda: None,
) -> None:
    """Writes a graph as a TFLite file.

    The converter may crash its process, so a run calls this in a `Child`.

    Args:
        graph: A SavedModel, see `write_graph`.
        variant: The kind of file.
        target: The file to write; an existing one is replaced.
        calibration: A `.npy` file of batches of training samples `[n, batch, ...]`, for a variant that is
            calibrated.
        alive: Called for each batch.

    Raises:
        Exception: Whatever the converter raises.
    """
    batches = None if calibration is None else np.load(calibration, mmap_mode="r")

    def samples() -> Iterator[list[Any]]:
        for batch in batches if batches is not None else ():
            alive()
            yield [np.array(batch)]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(graph))
    variant().configure(converter, samples)
    target.write_bytes(converter.convert())

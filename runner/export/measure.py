"""Measures an exported file: does it load, how large, how good, how fast."""

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from runner.export.interpreter import TFLiteRunError, latency_ms, predict

Score = Callable[[np.ndarray, np.ndarray], Mapping[str, float]]
"""Judges outputs: `(y, outputs) -> {"accuracy": ..., "loss": ...}`, whatever the task has."""


@dataclass(frozen=True)
class Exported:
    """What is known about one TFLite file.

    Attributes:
        variant: Its kind, e.g. `"float32"`.
        path: The file.
        bytes: Its size.
        gzip_bytes: Its size after gzip, which is where unstructured zeros show.
        loads: Whether it loads and runs.
        error: The interpreter's words where it does not.
        scores: What the score function said, by name; empty where it does not run.
        latency_ms: Median time of one sample on one thread, in milliseconds.
    """

    variant: str
    path: Path
    bytes: int
    gzip_bytes: int
    loads: bool
    error: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    latency_ms: float | None = None

    def __post_init__(self) -> None:
        if self.loads == (self.error is not None):
            raise ValueError(f"{self.path}: loads is {self.loads}, its error {self.error!r}")

    @property
    def accuracy(self) -> float | None:
        """The test accuracy; `None` for a regression or a file that does not run."""
        return self.scores.get("accuracy")

    @property
    def loss(self) -> float | None:
        """The test loss; `None` for a file that does not run."""
        return self.scores.get("loss")


def measure(
    path: str | Path, variant: str, x: np.ndarray, y: np.ndarray, score: Score, *, batch_size: int = 64
) -> Exported:
    """Measures a TFLite file on a test set.

    Args:
        path: The file.
        variant: Its kind, for the record.
        x: Test samples `[n, ...]`.
        y: Their labels or targets `[n, ...]`, as `score` wants them.
        score: Judges the outputs.
        batch_size: Samples per run of the interpreter.

    Returns:
        The measurement. A file that does not load or run is one too: `loads` is false and `error` says why.
    """
    path = Path(path)
    sizes = (path.stat().st_size, gzip_bytes(path))
    try:
        outputs = predict(path, x, batch_size)
        milliseconds = latency_ms(path, x)
    except TFLiteRunError as error:
        return Exported(variant, path, *sizes, loads=False, error=str(error))
    return Exported(
        variant, path, *sizes, loads=True, scores=dict(score(y, outputs)), latency_ms=milliseconds
    )


def gzip_bytes(path: str | Path) -> int:
    """Returns the size in bytes of a file after gzip at its usual level, 6."""
    return len(gzip.compress(Path(path).read_bytes(), compresslevel=6))

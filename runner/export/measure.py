"""The measures of an exported file: whether it loads, its size, accuracy and latency."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SHORTEST_MS = 0.01


@dataclass(frozen=True)
class Exported:
    """The measures of one TFLite file.

    Attributes:
        variant: Its kind, e.g. `"float32"`.
        path: The file; None where the converter made none.
        bytes: Its size; None without a file.
        gzip_bytes: Its size after gzip, which shows unstructured zeros; None without a file.
        loads: Whether it loads and runs.
        error: The error of the converter or interpreter where it does not.
        scores: Scores by name; empty where it does not run or was not scored.
        latency_ms: Median time of one sample on one thread, in milliseconds.
        latency_p90_ms: The 90th percentile of the times, in milliseconds.
        sparse_tensors: The number of tensors that are encoded sparse.
        block_tensors: The number of these that are stored in blocks, for which there are fast kernels.
    """

    variant: str
    path: Path | None
    bytes: int | None
    gzip_bytes: int | None
    loads: bool
    error: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    latency_ms: float | None = None
    latency_p90_ms: float | None = None
    sparse_tensors: int = 0
    block_tensors: int = 0

    def __post_init__(self) -> None:
        if self.loads == (self.error is not None):
            raise ValueError(f"{self.variant}: loads is {self.loads}, its error {self.error!r}")
        if self.loads and self.path is None:
            raise ValueError(f"{self.variant}: loads, but is no file")

    @property
    def accuracy(self) -> float | None:
        """The test accuracy; `None` for a regression or a file that does not run."""
        return self.scores.get("accuracy")

    @property
    def loss(self) -> float | None:
        """The test loss; `None` for a file that does not run."""
        return self.scores.get("loss")

    @property
    def mean_squared_error(self) -> float | None:
        """The test's mean squared error; `None` for a classification or a file that does not run."""
        return self.scores.get("mean_squared_error")

    def told_apart_by_time(self, other: "Exported") -> bool:
        """Whether the latencies of two files, measured in one run, differ by more than their noise.

        The noise is the larger distance from median to 90th percentile. Below 0.01 ms the answer is False,
        since the call itself takes about 0.001 ms; so it is where either file was not timed.
        """
        if self.latency_ms is None or other.latency_ms is None:
            return False
        medians = self.latency_ms, other.latency_ms
        slow = self.latency_p90_ms or medians[0], other.latency_p90_ms or medians[1]
        noise = max(slow[0] - medians[0], slow[1] - medians[1])
        return max(medians) >= _SHORTEST_MS and abs(medians[0] - medians[1]) > noise

    def measured(self) -> dict[str, float | None]:
        """Returns the measures by their names in `summary.json` and MLflow."""
        return {
            "bytes": self.bytes,
            "gzip_bytes": self.gzip_bytes,
            "accuracy": self.accuracy,
            "loss": self.loss,
            "mean_squared_error": self.mean_squared_error,
            "latency_ms": self.latency_ms,
            "latency_p90_ms": self.latency_p90_ms,
        }


def gzip_bytes(path: str | Path) -> int:
    """Returns the size in bytes of a file after gzip at its usual level, 6."""
    return len(gzip.compress(Path(path).read_bytes(), compresslevel=6))

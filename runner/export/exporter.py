"""Makes TFLite files in a child process, runs and times them there; what goes wrong is part of the result."""

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf

from runner.export.child import Child, ChildDied, ChildFailed, ChildHung, shared_child
from runner.export.convert import convert_graph
from runner.export.interpreter import run_file, time_file
from runner.export.measure import Exported, gzip_bytes
from runner.export.variants import Variant
from runner.tflite.flatbuffer import TFLiteFileError, read_constants

_BATCH = 64
# The files take turns at being timed, so that what else the machine does meanwhile falls on all of them.
_ROUNDS = 4
_SECONDS_PER_TURN = 0.25
_MOST_WORDS = 800
_LAST_LINES = 3
# How absl, TensorFlow and TFLite begin what is no complaint; that there is no GPU is none either.
_CHATTER = re.compile(r"(I|W)\d{4} |(INFO|WARNING): |\d{4}-\d\d-\d\d .*: [IW] |E\d{4} .*call to cuInit")
# How the compiler says where in the graph it stands, that it has failed because of the above, and what of.
_PLACE = re.compile(r"^loc\(.*\): (?=')")
_SUMMARY = "failed while converting:"
_MISSING = re.compile(r"^(?:TF Select|Custom) ops: (.+)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Attempt:
    """A file on its way from graph to measurement.

    Attributes:
        name: What it is called, e.g. `"int8"`, or `"dense_int8"` for the dense model's.
        path: The file; None where the converter made none.
        error: What went wrong; the file takes no part in what follows then.
        outputs: What it gave for the test set `[n, ...]`; None where it was not run.
        output_step: The distance between two of its outputs; 0 for floats.
        times: Seconds of single runs.
    """

    name: str
    path: Path | None = None
    error: str | None = None
    outputs: np.ndarray | None = None
    output_step: float = 0.0
    times: tuple[float, ...] = ()

    def measured(self, scores: Mapping[str, float]) -> Exported:
        """Sums up what is known of it.

        Args:
            scores: What its outputs are worth; empty where they were not judged.
        """
        milliseconds = 1000 * np.array(self.times)
        sparse, in_blocks = (0, 0) if self.path is None else _count_sparse(self.path)
        return Exported(
            self.name,
            self.path,
            bytes=None if self.path is None else self.path.stat().st_size,
            gzip_bytes=None if self.path is None else gzip_bytes(self.path),
            loads=self.error is None,
            error=self.error,
            scores=scores,
            latency_ms=float(np.median(milliseconds)) if self.times else None,
            latency_p90_ms=float(np.percentile(milliseconds, 90)) if self.times else None,
            sparse_tensors=sparse,
            block_tensors=in_blocks,
        )


class Exporter:
    """A child process with TensorFlow in it, and a folder for what passes to and fro.

    Args:
        timeout: After how many seconds without a sign of life a conversion or a run is given up.
        child: The process.
    """

    def __init__(self, timeout: float, child: Child | None = None) -> None:
        self._timeout = timeout
        # TensorFlow's in this process; the child's has not been told.
        self._threads = tf.config.threading.get_intra_op_parallelism_threads() or None
        self._child = child or shared_child()
        self._folder = tempfile.TemporaryDirectory(prefix="runner-export-")
        self.folder = Path(self._folder.name)
        self._child.start()

    def __enter__(self) -> "Exporter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def keep(self, name: str, samples: np.ndarray) -> Path:
        """Writes samples where the child finds them."""
        path = self.folder / f"{name}.npy"
        np.save(path, samples)
        return path

    def convert(
        self, name: str, graph: Path, variant: type[Variant], target: Path, calibration: Path
    ) -> Attempt:
        """Converts a graph.

        Args:
            name: What the file is called.
            graph: See `write_graph`.
            variant: The kind of file.
            target: Where to write it.
            calibration: Batches of training samples, see `in_batches`.
        """
        samples = calibration if variant.calibrated else None
        try:
            self._call(convert_graph, graph, variant, target, samples)
        except ChildFailed as failure:
            return Attempt(name, error=readable("the converter", failure))
        return Attempt(name, target)

    def run(self, attempt: Attempt, samples: Path, *, delegate: bool = True) -> Attempt:
        """Runs a file over samples, in batches.

        Args:
            attempt: The file.
            samples: A `.npy` file `[n, ...]`.
            delegate: Whether XNNPACK computes what it can, as it does by default.
        """
        if attempt.error is not None or attempt.path is None:
            return attempt
        target = self.folder / f"{attempt.name}.outputs.npy"
        try:
            step = self._call(run_file, attempt.path, samples, target, _BATCH, delegate, self._threads)
        except ChildFailed as failure:
            return replace(attempt, error=readable("the interpreter", failure))
        return replace(attempt, outputs=np.load(target), output_step=step)

    def time(self, attempts: Sequence[Attempt], samples: Path) -> list[Attempt]:
        """Times files on one sample and one thread, each as often as the others."""
        timed = list(attempts)
        for _ in range(_ROUNDS):
            for number, attempt in enumerate(timed):
                if attempt.error is None and attempt.path is not None:
                    timed[number] = self._time(attempt, attempt.path, samples)
        return timed

    def _time(self, attempt: Attempt, path: Path, samples: Path) -> Attempt:
        try:
            times = self._call(time_file, path, samples, _SECONDS_PER_TURN)
        except ChildFailed as failure:
            return replace(attempt, error=readable("the interpreter", failure), times=())
        return replace(attempt, times=(*attempt.times, *times))

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._child.call(function, *arguments, patience=self._timeout)


def _count_sparse(path: Path) -> tuple[int, int]:
    """Counts a file's sparse tensors, and those among them that are stored in blocks."""
    try:
        encodings = [c.encoding for c in read_constants(path) if c.encoding is not None]
    except TFLiteFileError:  # The sparsity check reads the file too, and says so.
        return 0, 0
    return len(encodings), sum(encoding.in_blocks for encoding in encodings)


def readable(tool: str, failure: ChildFailed) -> str:
    """Cuts what a tool said down to what a person reads.

    Args:
        tool: What the tool is called, e.g. `"the converter"`.
        failure: Its failure, with all that it said.

    Returns:
        How the process ended and its last words; or its complaints, each once.
    """
    if isinstance(failure, ChildDied | ChildHung):
        said = [line.strip() for line in failure.said.splitlines() if line.strip()]
        complaints = [line for line in said if not _CHATTER.match(line)]
        return _cut("\n".join([f"{tool} {failure.words}", *complaints[-_LAST_LINES:]]))
    # The compiler repeats itself with source lines, locations and notes between.
    errors = [line for line in failure.words.splitlines() if "error: " in line]
    told = [_PLACE.sub("", line.partition("error: ")[2].strip()) for line in errors]
    told = [line for line in told if not line.startswith(_SUMMARY)] or told or [failure.words]
    if missing := _MISSING.search(failure.words):
        told.append(f"TFLite has no operator of its own for TensorFlow's {missing[1].strip()}")
    return _cut(f"{tool}: " + "\n".join(dict.fromkeys(told)))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS].rstrip()} ..."

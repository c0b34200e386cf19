"""Makes, runs and times TFLite files in a child process; an error there is part of the result."""

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
from runner.export.interpreter import run_file, time_file
from runner.export.measure import Exported, gzip_bytes
from runner.export.variants import Variant, convert_graph
from runner.tflite.flatbuffer import TFLiteFileError, read_constants

_BATCH = 64
# The files are timed in turns, so that other load of the machine falls on all of them.
_ROUNDS = 4
_SECONDS_PER_TURN = 0.25
_MOST_TEXT = 800
_LAST_LINES = 3
# How lines of absl, TensorFlow and TFLite begin that report no error; a missing GPU is no error either.
_CHATTER = re.compile(r"(I|W)\d{4} |(INFO|WARNING): |\d{4}-\d\d-\d\d .*: [IW] |E\d{4} .*call to cuInit")
# The place in the graph in an error of the compiler, its summary line, and the operators that TFLite lacks.
_PLACE = re.compile(r"^loc\(.*\): (?=')")
_SUMMARY = "failed while converting:"
_MISSING = re.compile(r"^(?:TF Select|Custom) ops: (.+)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class Attempt:
    """A file on its way from graph to measurement.

    Attributes:
        name: Its name, e.g. `"int8"`, or `"dense_int8"` for the dense model's file.
        path: The file; None where the converter made none.
        error: What failed; such a file is neither run nor timed.
        outputs: Its outputs for the test set `[n, ...]`; None where it was not run.
        output_step: The quantization step of its outputs; 0 for floats.
        times: Seconds of single runs.
    """

    name: str
    path: Path | None = None
    error: str | None = None
    outputs: np.ndarray | None = None
    output_step: float = 0.0
    times: tuple[float, ...] = ()

    def measured(self, scores: Mapping[str, float]) -> Exported:
        """Returns its measures.

        Args:
            scores: The scores of its outputs; empty where they were not computed.
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
    """A child process with TensorFlow, and a temporary folder for the files passed to and from it.

    Args:
        timeout: The longest time in seconds that a conversion or a run may give no sign of life.
        child: The process; the shared one by default.
    """

    def __init__(self, timeout: float, child: Child | None = None) -> None:
        self._timeout = timeout
        # As set for TensorFlow in this process; the child does not know the setting.
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
        """Writes samples to the temporary folder."""
        path = self.folder / f"{name}.npy"
        np.save(path, samples)
        return path

    def convert(
        self, name: str, graph: Path, variant: type[Variant], target: Path, calibration: Path
    ) -> Attempt:
        """Converts a graph; see `convert_graph`."""
        samples = calibration if variant.calibrated else None
        try:
            self._call(convert_graph, graph, variant, target, samples)
        except ChildFailed as failure:
            return Attempt(name, error=failure_text("the converter", failure))
        return Attempt(name, target)

    def run(self, attempt: Attempt, samples: Path, *, delegate: bool = True) -> Attempt:
        """Runs a file over samples, in batches.

        Args:
            attempt: The file.
            samples: A `.npy` file `[n, ...]`.
            delegate: Whether to use XNNPACK, as TFLite does by default.
        """
        if attempt.error is not None or attempt.path is None:
            return attempt
        target = self.folder / f"{attempt.name}.outputs.npy"
        try:
            step = self._call(run_file, attempt.path, samples, target, _BATCH, delegate, self._threads)
        except ChildFailed as failure:
            return replace(attempt, error=failure_text("the interpreter", failure))
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
            return replace(attempt, error=failure_text("the interpreter", failure), times=())
        return replace(attempt, times=(*attempt.times, *times))

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._child.call(function, *arguments, patience=self._timeout)


def _count_sparse(path: Path) -> tuple[int, int]:
    """Returns the numbers of a file's sparse tensors and of those among them that are stored in blocks."""
    try:
        encodings = [c.encoding for c in read_constants(path) if c.encoding is not None]
    except TFLiteFileError:  # The sparsity check reads the file too, and reports it.
        return 0, 0
    return len(encodings), sum(encoding.in_blocks for encoding in encodings)


def failure_text(tool: str, failure: ChildFailed) -> str:
    """Shortens a tool's failure for a reader: how the process ended and its last lines, or each error once.

    Args:
        tool: The name of the tool for the text, e.g. `"the converter"`.
        failure: Its failure.
    """
    if isinstance(failure, ChildDied | ChildHung):
        lines = [line.strip() for line in failure.output.splitlines() if line.strip()]
        errors = [line for line in lines if not _CHATTER.match(line)]
        return _cut("\n".join([f"{tool} {failure.reason}", *errors[-_LAST_LINES:]]))
    # The compiler repeats each error, with source lines, locations and notes between.
    lines = [line for line in failure.reason.splitlines() if "error: " in line]
    errors = [_PLACE.sub("", line.partition("error: ")[2].strip()) for line in lines]
    errors = [line for line in errors if not line.startswith(_SUMMARY)] or errors or [failure.reason]
    if missing := _MISSING.search(failure.reason):
        errors.append(f"TFLite has no operator of its own for TensorFlow's {missing[1].strip()}")
    return _cut(f"{tool}: " + "\n".join(dict.fromkeys(errors)))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT].rstrip()} ..."

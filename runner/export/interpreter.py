"""Runs TFLite files: predictions for a test set, and the latency of one sample.

The interpreter may crash its process, so a run calls `run_file` and `time_file` in a `Child`.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.process.errors import RunnerError
from runner.tflite.flatbuffer import TFLiteFileError, read_constants

if TYPE_CHECKING:
    import tensorflow as tf

Alive = Callable[[], None]
"""Called from time to time as a sign of life."""

_WARM_UP_RUNS = 20
_FEWEST_TIMED_RUNS = 3
_MOST_TIMED_RUNS = 200


class TFLiteRunError(RunnerError):
    """The interpreter refused a file or failed on it; the message holds its error."""


def _nothing() -> None:
    """Gives no sign of life."""


class Program:
    """A TFLite file, loaded, with one input and one output.

    Args:
        path: The `.tflite` file.
        threads: Threads of the interpreter and its XNNPACK delegate; by default as many as TensorFlow has,
            else one per CPU.
        delegate: Whether to use XNNPACK, as TFLite does by default on a CPU.

    Raises:
        TFLiteRunError: The file does not load, or has several inputs or outputs.
    """

    def __init__(self, path: str | Path, *, threads: int | None = None, delegate: bool = True) -> None:
        self.path = Path(path)
        self._interpreter = _load(self.path, threads, delegate)
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise TFLiteRunError(
                f"{self.path}: has {len(inputs)} inputs ({_listed(inputs)}) and {len(outputs)} outputs"
                f" ({_listed(outputs)}); the runner runs files with one of each"
            )
        self._input, self._output = inputs[0], outputs[0]
        self._shape: tuple[int, ...] | None = None

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The input shape, batch first; `None` for open dimensions."""
        signature = self._input["shape_signature"]
        dimensions = signature if len(signature) else self._input["shape"]
        return tuple(None if d < 0 else int(d) for d in dimensions)

    @property
    def output_step(self) -> float:
        """The quantization step of the outputs; 0 for floats."""
        return float(self._output["quantization"][0])

    def predict(self, x: np.ndarray, batch_size: int, alive: Alive = _nothing) -> np.ndarray:
        """Runs the file over samples.

        Args:
            x: Samples `[n, ...]`, n >= 1; quantized first for a file with integer inputs.
            batch_size: Samples per run; a file with a fixed batch keeps its own.
            alive: Called after each batch.

        Returns:
            The outputs `[n, ...]`, dequantized where the file has integer outputs.

        Raises:
            TFLiteRunError: The file does not fit the samples or does not run.
        """
        self._check(x)
        fixed = self.input_shape[0]
        step = fixed or batch_size
        outputs = []
        for start in range(0, len(x), step):
            batch = x[start : start + step]
            short = step - len(batch) if fixed else 0
            if short:
                # The file has a fixed batch: pad the last one, and drop the outputs of the padding.
                batch = np.concatenate([batch, np.repeat(batch[-1:], short, axis=0)])
            outputs.append(self._run(batch)[: len(batch) - short])
            alive()
        return np.concatenate(outputs)

    def times(self, x: np.ndarray, seconds: float, alive: Alive = _nothing) -> list[float]:
        """Times single samples; see `time_file`."""
        self._check(x)
        sample = np.repeat(x[:1], self.input_shape[0] or 1, axis=0)
        begin = time.perf_counter()
        for _ in range(_WARM_UP_RUNS):
            self._run(sample)
            alive()
            if time.perf_counter() - begin > seconds / 2:
                break
        times: list[float] = []
        while len(times) < _MOST_TIMED_RUNS:
            start = time.perf_counter()
            self._invoke()
            now = time.perf_counter()
            times.append(now - start)
            alive()
            if now - begin > seconds and (len(times) >= _FEWEST_TIMED_RUNS or now - begin > 2 * seconds):
                break
        return times

    def _check(self, x: np.ndarray) -> None:
        takes = self.input_shape
        fits = x.ndim == len(takes) and all(
            d is None or d == n for d, n in zip(takes[1:], x.shape[1:], strict=True)
        )
        if not fits or len(x) == 0:
            raise TFLiteRunError(
                f"{self.path}: takes {_shape_text(takes)}, batch first; the samples are"
                f" {_shape_text(x.shape)}"
            )

    def _run(self, batch: np.ndarray) -> np.ndarray:
        if self._shape != batch.shape:
            self._resize(batch.shape)
        scale, zero_point = self._input["quantization"]
        self._interpreter.set_tensor(
            self._input["index"], _stored(batch, np.dtype(self._input["dtype"]), scale, zero_point)
        )
        self._invoke()
        output = self._interpreter.get_tensor(self._output["index"])
        if output.shape[:1] != batch.shape[:1]:
            raise TFLiteRunError(
                f"{self.path}: gives an output of {_shape_text(output.shape)} for {len(batch)} samples"
            )
        scale, zero_point = self._output["quantization"]
        return (output.astype(np.float32) - zero_point) * np.float32(scale) if scale else output

    def _resize(self, shape: tuple[int, ...]) -> None:
        try:
            self._interpreter.resize_tensor_input(self._input["index"], shape)
            self._interpreter.allocate_tensors()
            self._shape = shape
        except (RuntimeError, ValueError) as error:
            problem = f"does not take an input of {_shape_text(shape)}"
            raise _refusal(self.path, problem, error) from error

    def _invoke(self) -> None:
        try:
            # A fused LSTM would keep its state from one sample to the next.
            self._interpreter.reset_all_variables()
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise _refusal(self.path, "loads but does not run", error) from error


def run_file(
    path: Path,
    samples: Path,
    target: Path,
    batch_size: int,
    delegate: bool,
    threads: int | None = None,
    *,
    alive: Alive = _nothing,
) -> float:
    """Runs a TFLite file over the samples in a file, and writes the outputs to another file.

    Args:
        path: The `.tflite` file; one input, one output.
        samples: A `.npy` file `[n, ...]`.
        target: The `.npy` file to write the outputs `[n, ...]` to.
        batch_size: See `Program.predict`.
        delegate: See `Program`.
        threads: See `Program`.
        alive: Called after each batch.

    Returns:
        The quantization step of the outputs; 0 for floats.

    Raises:
        TFLiteRunError: The file does not load, does not fit the samples or does not run.
    """
    program = Program(path, threads=threads, delegate=delegate)
    np.save(target, program.predict(np.load(samples, mmap_mode="r"), batch_size, alive))
    return program.output_step


def time_file(path: Path, samples: Path, seconds: float, *, alive: Alive = _nothing) -> list[float]:
    """Times a TFLite file on one sample and one thread, after a warm-up.

    Args:
        path: The `.tflite` file.
        samples: A `.npy` file `[n, ...]`; the first is used.
        seconds: Time to measure, warm-up included. A slow file gets at least one timed run, in about twice
            the time at most.
        alive: Called after each run.

    Returns:
        The seconds of each run. Where the file fixes its batch, a run is that whole batch.

    Raises:
        TFLiteRunError: The file does not load, does not fit the sample or does not run.
    """
    return Program(path, threads=1).times(np.load(samples, mmap_mode="r")[:1], seconds, alive)


def _load(path: Path, threads: int | None, delegate: bool) -> "tf.lite.Interpreter":
    # Checking a file needs no TensorFlow, whose import takes 4 s; running it does.
    import tensorflow as tf

    threads = threads or tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
    try:
        # The interpreter follows the offsets of a truncated file out of bounds and crashes the process.
        read_constants(path)
    except TFLiteFileError as error:
        raise TFLiteRunError(str(error)) from error
    try:
        kernels = tf.lite.experimental.OpResolverType
        resolver = kernels.AUTO if delegate else kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        interpreter = tf.lite.Interpreter(
            model_path=str(path), num_threads=threads, experimental_op_resolver_type=resolver
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise _refusal(path, "does not load", error) from error
    return interpreter


def _refusal(path: Path, what: str, error: Exception) -> TFLiteRunError:
    return TFLiteRunError(f"{path}: {what}: {str(error).strip() or type(error).__name__}")


def _stored(x: np.ndarray, dtype: np.dtype[Any], scale: float, zero_point: int) -> np.ndarray:
    if not scale:
        return np.ascontiguousarray(x, dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(x / scale) + zero_point, limits.min, limits.max).astype(dtype)


def _listed(details: Sequence[dict[str, Any]]) -> str:
    return ", ".join(str(detail["name"]) for detail in details) or "none"


def _shape_text(shape: Sequence[int | None]) -> str:
    return "[" + ", ".join("any" if d is None else str(d) for d in shape) + "]"

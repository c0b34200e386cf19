"""What to make of a TFLite file: how it compares with the dense model's, where it runs, why it gains."""

import math
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.export.measure import Exported
from runner.export.variants import VARIANTS, Variant

_DEVICE = "/data/local/tmp"
_OPEN = 64
# Below a tenth, what two measurements differ by is no gain and no loss to count on.
_NOTABLE = 0.1
# Small files are timed less surely.
_SLOW = 1.25


@dataclass(frozen=True)
class Ratios:
    """A file's measures over those of another; 0.1 is ten times smaller. None where either is unknown.

    Attributes:
        bytes: Of their sizes.
        gzip_bytes: Of their sizes after gzip.
        latency_ms: Of their times on this host, one sample, one thread.
        told_apart: Whether these times differ by more than their noise, so that one can be called faster.
    """

    bytes: float | None = None
    gzip_bytes: float | None = None
    latency_ms: float | None = None
    told_apart: bool = False

    @classmethod
    def between(cls, file: Exported, other: Exported | None) -> "Ratios":
        """Divides the measures of a file by those of another, which may not be there."""
        if other is None:
            return cls()
        own, its = file.measured(), other.measured()
        size, zipped, time = (_ratio(own[name], its[name]) for name in ("bytes", "gzip_bytes", "latency_ms"))
        return cls(size, zipped, time, told_apart=file.told_apart_by_time(other))

    def takes_longer(self, by: float) -> bool:
        """Whether the file surely takes more than `by` times the time of the other."""
        return self.told_apart and self.latency_ms is not None and self.latency_ms > by


@dataclass(frozen=True)
class Advice:
    """What to make of one file.

    Attributes:
        ratios: To the dense float32 file.
        twin: What kind of file the dense model's is that differs in nothing but the zeros, e.g. `"int8"` for
            `int8_sparse`.
        twin_ratios: To that file: what the zeros gain, beside what the type does.
        sound: Whether it runs and passed the sparsity check; any other is good for nothing.
        runs_on: Where the file runs.
        why: Why there is a gain, or none.
        benchmark: The command that times the file on a device, where TensorFlow's `benchmark_model` lies in
            `/data/local/tmp`; None for a file that is not sound.
    """

    ratios: Ratios
    twin: str
    twin_ratios: Ratios
    sound: bool
    runs_on: str
    why: str
    benchmark: str | None

    def to_json(self) -> dict[str, float | str | None]:
        """Returns its fields for `summary.json`."""
        return {
            "bytes_ratio": self.ratios.bytes,
            "gzip_ratio": self.ratios.gzip_bytes,
            "latency_ratio": self.ratios.latency_ms,
            "dense_twin": self.twin,
            "twin_bytes_ratio": self.twin_ratios.bytes,
            "twin_gzip_ratio": self.twin_ratios.gzip_bytes,
            "twin_latency_ratio": self.twin_ratios.latency_ms,
            "runs_on": self.runs_on,
            "why": self.why,
            "benchmark": self.benchmark,
        }


@dataclass(frozen=True)
class Zeros:
    """What was pruned, as far as it matters here.

    Attributes:
        share: Zeros among the weights of the pruned tensors, in [0, 1].
        blocks: How many inputs the blocks have that rules prune in; empty where none does.
    """

    share: float
    blocks: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ModelInput:
    """What a file takes.

    Attributes:
        name: Its name in the file.
        shape: One sample, without the batch; open dimensions are None.
    """

    name: str
    shape: tuple[int | None, ...]


def advise(
    files: Sequence[Exported],
    dense: Mapping[str, Exported],
    zeros: Zeros,
    takes: ModelInput,
    failed: Collection[str] = (),
) -> dict[str, Advice]:
    """Says what to make of each file of a run.

    Args:
        files: The pruned model's files.
        dense: The dense model's, by variant; empty where they were not made.
        zeros: What was pruned.
        takes: The files' input.
        failed: The variants that failed the sparsity check.

    Returns:
        The advice, by variant.
    """
    wrong = {file.variant for file in files if file.loads and file.variant in failed}
    others = {file.variant: file for file in files if file.variant not in wrong}
    return {
        file.variant: _warn(file) if file.variant in wrong else _advise(file, others, dense, zeros, takes)
        for file in files
    }


def benchmark_command(path: Path, takes: ModelInput) -> str:
    """Returns the command line that times a TFLite file on an Android device.

    Args:
        path: The file.
        takes: Its input; where dimensions are open, the command gives them 64, or they would be 1.
    """
    there = f"{_DEVICE}/{path.name}"
    flags = [f"--graph={there}", "--num_threads=1", "--warmup_runs=10", "--num_runs=100"]
    if None in takes.shape:
        shape = ",".join(str(d or _OPEN) for d in (1, *takes.shape))
        flags += [f"--input_layer={takes.name}", f"--input_layer_shape={shape}"]
    command = " ".join([f"{_DEVICE}/benchmark_model", *flags])
    return f"adb push {shlex.quote(str(path))} {_DEVICE}/ && adb shell {command}"


def _advise(
    file: Exported,
    files: Mapping[str, Exported],
    dense: Mapping[str, Exported],
    zeros: Zeros,
    takes: ModelInput,
) -> Advice:
    variant = VARIANTS.get(file.variant, where="recipe.export.variants")
    return Advice(
        ratios=Ratios.between(file, dense.get("float32")),
        twin=variant.dense,
        twin_ratios=Ratios.between(file, dense.get(variant.dense)),
        sound=file.loads,
        runs_on=variant.runs_on if file.loads else "nowhere: it does not run here",
        why=_why(file, variant, files, dense, zeros),
        benchmark=benchmark_command(file.path, takes) if file.path and file.loads else None,
    )


def _warn(file: Exported) -> Advice:
    """A file that runs, but is not the model: how small and fast it is means nothing."""
    return Advice(
        ratios=Ratios(),
        twin=VARIANTS.get(file.variant, where="recipe.export.variants").dense,
        twin_ratios=Ratios(),
        sound=False,
        runs_on="nowhere: it does not hold or compute what was trained",
        why="not to be used: the sparsity check failed on it",
        benchmark=None,
    )


def _why(
    file: Exported,
    variant: type[Variant],
    files: Mapping[str, Exported],
    dense: Mapping[str, Exported],
    zeros: Zeros,
) -> str:
    if not file.loads:
        return "there is no file to gain by"
    if variant.block is not None:
        return _why_sparse(file, variant.block, files.get(variant.dense) or dense.get(variant.dense), zeros)
    told = _why_plain(file, dense.get(variant.dense), zeros)
    slower = _why_slower(file, dense)
    return f"{told}; {slower}" if slower else told


def _why_slower(file: Exported, dense: Mapping[str, Exported]) -> str | None:
    """A file that takes notably more time than dense float32, though it is no larger."""
    slower, own = (Ratios.between(file, dense.get(other)) for other in ("float32", file.variant))
    if not slower.takes_longer(_SLOW) or file.variant == "float32":
        return None
    alone = own.latency_ms is None or own.takes_longer(_SLOW)
    whose = "" if alone else f", and so does the dense {file.variant} file"
    return (
        f"it takes {slower.latency_ms:.1f}x the time of dense float32 here{whose}: TFLite has slower"
        " kernels for some of its operators in this type"
    )


def _why_plain(file: Exported, twin: Exported | None, zeros: Zeros) -> str:
    """A file that stores every zero."""
    kinds = {"float16": "two bytes a weight", "dynamic_range": "a byte a weight", "int8": "a byte a weight"}
    stored = f"{kinds[file.variant]}; " if file.variant in kinds else ""
    if zeros.share == 0:
        return f"{stored}nothing was pruned"
    told = f"{stored}zeros take the room and the time of any number"
    to_twin, other = Ratios.between(file, twin), f"the dense {file.variant} file"
    if to_twin.gzip_bytes is None or to_twin.gzip_bytes >= 1 - _NOTABLE:
        return told
    smaller = f"after gzip, which alone finds them, it is {1 / to_twin.gzip_bytes:.1f}x smaller"
    if to_twin.bytes is not None and abs(to_twin.bytes - 1) <= _NOTABLE:
        return f"{told}, so that it is as large as {other}; {smaller}"
    return f"{told}; {smaller} than {other}"


def _why_sparse(file: Exported, inputs: int, plain: Exported | None, zeros: Zeros) -> str:
    """A file that may leave zeros out."""
    if not file.sparse_tensors:
        return (
            "nothing was encoded sparse: TFLite encodes the kernels of Dense and convolution layers that are"
            " at least 30 % zero; use the plain file"
        )
    unpacked = file.sparse_tensors - file.block_tensors
    parts = []
    if file.block_tensors:
        parts.append(
            f"{_tensors(file.block_tensors)} in blocks of {inputs} inputs: what is zero is neither stored nor"
            " computed"
        )
    if unpacked:
        parts.append(f"{_tensors(unpacked)} value by value: unpacked when the file is loaded, so no faster")
    if plain is not None and plain.bytes and file.bytes and file.bytes > plain.bytes:
        parts.append(f"the indices take more than the zeros save: use {plain.variant}")
    elif not file.block_tensors and all(size % inputs for size in zeros.blocks):
        parts.append(f"of a Dense layer whole blocks are left out with block: {{in: {inputs}}}")
    time = Ratios.between(file, plain)
    if file.block_tensors and time.latency_ms is not None and plain is not None:
        whose = ", whose kernels are XNNPACK's" if time.takes_longer(1 + _NOTABLE) else ""
        sure = "" if time.told_apart else ", which is within the noise of timing"
        parts.append(f"it takes {time.latency_ms:.2f}x the time of {plain.variant} here{whose or sure}")
    return "; ".join(parts)


def _tensors(count: int) -> str:
    return "1 tensor" if count == 1 else f"{count} tensors"


def _ratio(own: float | None, other: float | None) -> float | None:
    if own is None or not other or not math.isfinite(own / other):
        return None
    return own / other

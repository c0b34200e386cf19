"""Advice on TFLite files: a comparison with the dense model's, where each runs, and why it gains or not."""

import math
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.export.measure import Exported
from runner.export.variants import VARIANTS, Variant

_DEVICE = "/data/local/tmp"
_OPEN = 64
# A difference below a tenth is neither a gain nor a loss.
_NOTABLE = 0.1
# The latency of small files varies more.
_SLOW = 1.25


@dataclass(frozen=True)
class Ratios:
    """A file's measures divided by those of another; 0.1 is ten times smaller, None is unknown.

    `told_apart` says whether the latencies differ by more than their noise.
    """

    bytes: float | None = None
    gzip_bytes: float | None = None
    latency_ms: float | None = None
    told_apart: bool = False

    @classmethod
    def between(cls, file: Exported, other: Exported | None) -> "Ratios":
        """Divides the measures of a file by those of another, if there is one."""
        if other is None:
            return cls()
        own, its = file.measured(), other.measured()
        size, zipped, time = (_ratio(own[name], its[name]) for name in ("bytes", "gzip_bytes", "latency_ms"))
        return cls(size, zipped, time, told_apart=file.told_apart_by_time(other))

    def takes_longer(self, by: float) -> bool:
        """Whether the file takes more than `by` times the latency of the other, beyond the noise."""
        return self.told_apart and self.latency_ms is not None and self.latency_ms > by


@dataclass(frozen=True)
class Advice:
    """Advice on one file.

    Attributes:
        ratios: To the dense float32 file.
        twin: The variant of the dense model's file of the same type, e.g. `"int8"` for `int8_sparse`.
        twin_ratios: To that file: the gain of the zeros without that of the type.
        sound: Whether it runs and passed the sparsity check.
        runs_on: Where the file runs.
        why: Why there is a gain, or none.
        benchmark: The command that times the file on a device with TensorFlow's `benchmark_model` in
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
    """The zeros of the pruned tensors.

    Attributes:
        share: Zeros among the weights, in [0, 1].
        blocks: The numbers of inputs in the blocks of rules with block structures.
    """

    share: float
    blocks: frozenset[int] = frozenset()


@dataclass(frozen=True)
class ModelInput:
    """The input of a file: its name there, and the shape of a sample; open dimensions are None."""

    name: str
    shape: tuple[int | None, ...]


def advise(
    files: Sequence[Exported],
    dense: Mapping[str, Exported],
    zeros: Zeros,
    takes: ModelInput,
    failed: Collection[str] = (),
) -> dict[str, Advice]:
    """Returns advice on each file of a run, by variant.

    Args:
        files: The pruned model's files.
        dense: The dense model's files by variant; empty where they were not made.
        zeros: The zeros of the pruned tensors.
        takes: The input of the files.
        failed: The variants that failed the sparsity check.
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
        takes: Its input. The command sets open dimensions to 64; they would be 1.
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
    """Advises against a file that runs but failed the sparsity check."""
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
    parts = [_why_plain(file, dense.get(variant.dense), zeros), _why_slower(file, dense)]
    return "; ".join(part for part in parts if part)


def _why_slower(file: Exported, dense: Mapping[str, Exported]) -> str | None:
    """Explains a file that is notably slower than dense float32."""
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
    """Explains a file that stores every zero."""
    kinds = {"float16": "two bytes a weight", "dynamic_range": "a byte a weight", "int8": "a byte a weight"}
    stored = f"{kinds[file.variant]}; " if file.variant in kinds else ""
    if zeros.share == 0:
        return f"{stored}nothing was pruned"
    size = f"{stored}zeros take the room and the time of any number"
    to_twin, other = Ratios.between(file, twin), f"the dense {file.variant} file"
    if to_twin.gzip_bytes is None or to_twin.gzip_bytes >= 1 - _NOTABLE:
        return size
    smaller = f"after gzip, which alone finds them, it is {1 / to_twin.gzip_bytes:.1f}x smaller"
    if to_twin.bytes is not None and abs(to_twin.bytes - 1) <= _NOTABLE:
        return f"{size}, so that it is as large as {other}; {smaller}"
    return f"{size}; {smaller} than {other}"


def _why_sparse(file: Exported, inputs: int, plain: Exported | None, zeros: Zeros) -> str:
    """Explains a file that may leave zeros out."""
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

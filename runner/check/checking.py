"""Checks the weight tensors of a TFLite file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.check.options import CheckOptions, expanded
from runner.process.errors import UserError, did_you_mean
from runner.pruning.counts import kept_count
from runner.pruning.notation import Axis
from runner.tflite.constant import StoredConstant, along
from runner.tflite.flatbuffer import read_constants
from runner.tflite.layer_names import layer_names, matches
from runner.tflite.patterns import COMMON, PatternResult
from runner.tflite.weight_tensors import WeightTensor, weight_tensors

_MOST_NAMES = 20


@dataclass(frozen=True, eq=False)
class TensorCheck:
    """What was found of one weight tensor.

    Attributes:
        weight: The tensor.
        layer: What people call its layer.
        zeros: How many of its weights are zero.
        size: How many weights it has.
        results: Of each pattern, by its label, what became of it along each axis. The patterns are those
            asked for, or the common ones where none is.
        failures: What is asked for and does not hold: labels of patterns, `"sparsity"`, `"encoding"`.
    """

    weight: WeightTensor
    layer: str
    zeros: int
    size: int
    results: Mapping[str, Mapping[Axis, PatternResult]]
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all that is asked for holds."""
        return not self.failures

    @property
    def sparsity(self) -> float:
        """The share of zeros."""
        return self.zeros / self.size


@dataclass(frozen=True)
class FileCheck:
    """What was found of a file.

    Attributes:
        options: What was asked for.
        tensors: The selected weight tensors, in the order in which operators read them.
        left_out: Matrices that are no weights as far as is known; none where layers are selected.
    """

    options: CheckOptions
    tensors: tuple[TensorCheck, ...]
    left_out: tuple[StoredConstant, ...]

    @property
    def passed(self) -> bool:
        """Whether every selected tensor passed."""
        return all(tensor.passed for tensor in self.tensors)


def check_file(options: CheckOptions) -> FileCheck:
    """Checks a TFLite file.

    Args:
        options: The file, and what to ask of its weight tensors.

    Returns:
        What was found. A tensor whose sparse encoding is broken fails whatever is options.

    Raises:
        UserError: The file is no TFLite file, a glob selects nothing, or there is nothing to ask it of.
    """
    weights, left_out = weight_tensors(read_constants(options.file))
    layers = layer_names([weight.constant.name for weight in weights])
    if not weights and (options.anything or options.layers):
        raise UserError(f"{options.file}: has no weight tensors, so there is nothing to check")
    selected = _selected(options, weights, layers)
    return FileCheck(
        options,
        tuple(_checked(weights[index], layers[index], options) for index in selected),
        () if options.layers else tuple(left_out),
    )


def _selected(options: CheckOptions, weights: Sequence[WeightTensor], layers: Sequence[str]) -> list[int]:
    chosen: set[int] = set()
    for glob in options.layers:
        found = {
            index
            for index, (weight, layer) in enumerate(zip(weights, layers, strict=True))
            if matches(glob, layer=layer, tensor=weight.constant.name, ops=[use.op for use in weight.uses])
        }
        if not found:
            names = list(dict.fromkeys(layers))
            more = f", and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            hint = did_you_mean(glob, names)
            if Path(glob).exists():
                hint = f" It is a file here; if a pattern was written, {expanded('conv*')}."
            raise UserError(
                f"{options.file}: --layer '{glob}' selects no weight tensor.{hint}"
                f" There are: {', '.join(names[:_MOST_NAMES])}{more}"
            )
        chosen |= found
    return sorted(chosen) if options.layers else list(range(len(weights)))


def _checked(weight: WeightTensor, layer: str, options: CheckOptions) -> TensorCheck:
    constant = weight.constant
    size = constant.zeros.size
    if constant.problem is not None:
        return TensorCheck(weight, layer, 0, size, {}, ("encoding",))
    zeros = int(np.count_nonzero(constant.zeros))
    rows = weight.axes.rows(constant.zeros)
    near_zero = _near_zero(constant) if options.blocks else 0
    results = {
        pattern.label: {axis: pattern.find(rows, axis=axis, near_zero=near_zero) for axis in options.axes}
        for pattern in options.patterns or COMMON
    }
    failures = [
        pattern.label
        for pattern in options.patterns
        if all(result.verdict != "holds" for result in results[pattern.label].values())
    ]
    if options.sparsity is not None and zeros < size - kept_count(size, options.sparsity):
        failures.append("sparsity")
    return TensorCheck(weight, layer, zeros, size, results, tuple(failures))


def _near_zero(constant: StoredConstant) -> int:
    """Counts the weights that lie one quantization step from zero."""
    if not constant.quantized:
        return 0
    zero_point = along(constant.zero_point, constant.axis, len(constant.shape))
    return int(np.count_nonzero(np.abs(constant.stored.astype(np.int32) - zero_point) == 1))

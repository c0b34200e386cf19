"""Checks the weight tensors of a TFLite file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.check.options import CheckOptions, expanded
from runner.process.errors import UserError, did_you_mean
from runner.tflite.constant import StoredConstant, along
from runner.tflite.layer_names import layer_names, matches
from runner.tflite.opening import open_file
from runner.tflite.patterns import COMMON, Axis, PatternResult
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
        findings: Of each pattern, by its label, what became of it along each axis. The patterns are those
            asked for, or the common ones where none is.
        failures: What is asked for and does not hold: labels of patterns, `"sparsity"`, `"encoding"`.
    """

    weight: WeightTensor
    layer: str
    zeros: int
    size: int
    findings: Mapping[str, Mapping[Axis, PatternResult]]
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
        asked: What was asked for.
        tensors: The selected weight tensors, in the order in which operators read them.
        left_out: Matrices that are no weights as far as is known; none where layers are selected.
    """

    asked: CheckOptions
    tensors: tuple[TensorCheck, ...]
    left_out: tuple[StoredConstant, ...]

    @property
    def passed(self) -> bool:
        """Whether every selected tensor passed."""
        return all(tensor.passed for tensor in self.tensors)


def check_file(asked: CheckOptions) -> FileCheck:
    """Checks a TFLite file.

    Args:
        asked: The file, and what to ask of its weight tensors.

    Returns:
        What was found. A tensor whose sparse encoding is broken fails whatever is asked.

    Raises:
        UserError: The file is no TFLite file, a glob selects nothing, or there is nothing to ask it of.
    """
    weights, left_out = weight_tensors(open_file(asked.file))
    layers = layer_names([weight.constant.name for weight in weights])
    if not weights and (asked.anything or asked.layers):
        raise UserError(f"{asked.file}: has no weight tensors, so there is nothing to check")
    selected = _selected(asked, weights, layers)
    return FileCheck(
        asked,
        tuple(_checked(weights[index], layers[index], asked) for index in selected),
        () if asked.layers else tuple(left_out),
    )


def _selected(asked: CheckOptions, weights: Sequence[WeightTensor], layers: Sequence[str]) -> list[int]:
    chosen: set[int] = set()
    for glob in asked.layers:
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
                f"{asked.file}: --layer '{glob}' selects no weight tensor.{hint}"
                f" There are: {', '.join(names[:_MOST_NAMES])}{more}"
            )
        chosen |= found
    return sorted(chosen) if asked.layers else list(range(len(weights)))


def _checked(weight: WeightTensor, layer: str, asked: CheckOptions) -> TensorCheck:
    constant = weight.constant
    size = constant.zeros.size
    if constant.problem is not None:
        return TensorCheck(weight, layer, 0, size, {}, ("encoding",))
    zeros = int(np.count_nonzero(constant.zeros))
    rows = weight.layout.rows(constant.zeros)
    near_zero = _near_zero(constant) if asked.blocks else 0
    findings = {
        pattern.label: {axis: pattern.find(rows, axis=axis, near_zero=near_zero) for axis in asked.axes}
        for pattern in asked.patterns or COMMON
    }
    failures = [
        pattern.label
        for pattern in asked.patterns
        if all(finding.verdict != "holds" for finding in findings[pattern.label].values())
    ]
    if asked.sparsity is not None and zeros < _planned_zeros(size, asked.sparsity):
        failures.append("sparsity")
    return TensorCheck(weight, layer, zeros, size, findings, tuple(failures))


def _planned_zeros(size: int, sparsity: float) -> int:
    """Counts as the engine does, which prunes whole weights, keeps one, and has sparsities in float32."""
    return size - max(round(size * (1.0 - float(np.float32(sparsity)))), 1)


def _near_zero(constant: StoredConstant) -> int:
    """Counts the weights that lie one quantization step from zero."""
    if not constant.quantized:
        return 0
    zero_point = along(constant.zero_point, constant.axis, len(constant.shape))
    return int(np.count_nonzero(np.abs(constant.stored.astype(np.int32) - zero_point) == 1))

"""The sparsity check of a TFLite file: the proof lies in its bytes.

The converter renames, reorders, shares, scales and splits the weights of a model. So a weight is not looked
up by its name: it is the constant that, seen in one of the ways its shape can lie there, has all its planned
zeros and all its kept values.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.tflite.constant import StoredConstant, Use
from runner.tflite.flatbuffer import TFLiteFileError, read_constants
from runner.verify.sparsity_check import CheckRow, PrunedWeight, judge, planned_count_problems, shape_text
from runner.verify.views import View, views
from runner.verify.weight_match import WeightMatch, compare

# Recurrent kernels lie side by side along their last axis: four gates in an LSTM, three in a GRU. Their file
# may hold them all in one, each alone, or some together.
_GATES = (4, 3)
_PROBES = 2048
_CLOSEST = 4


def check_tflite_file(expected: Sequence[PrunedWeight], path: str | Path, variant: str) -> list[CheckRow]:
    """Checks that a TFLite file has every pruned weight, with its zeros, its pattern and its kept values.

    Every planned zero must be exactly zero after decoding; a quantized one is when its integer equals the
    zero point. Every kept weight must reappear within the quantization step of its constant, which may be no
    larger than weights and bias need (see `rounding`), in full floats exactly; or so scaled by what the
    converter may fold in by its model (see `model_folds`) or, where that is not known, by what explains them
    (see `folding`). Other zeros are counted but no fault.
    One constant may serve several weights, and several make up a recurrent kernel. A constant whose sparse
    encoding is broken is no weight.

    Args:
        expected: The pruned weights.
        path: The `.tflite` file.
        variant: Its kind; the rows' point is `"tflite_<variant>"`.

    Returns:
        One row per expected weight, in their order. In a file that cannot be read every row fails.
    """
    point = f"tflite_{variant}"
    try:
        constants = _candidates(path)
    except TFLiteFileError as error:
        return [judge(weight, point, None, [str(error)]) for weight in expected]
    return [_check(weight, constants, path, point) for weight in expected]


def find_weights(expected: Sequence[PrunedWeight], path: str | Path) -> list[tuple[WeightMatch, ...]]:
    """Finds the constants of a TFLite file that hold pruned weights, as `check_tflite_file` does.

    Args:
        expected: The pruned weights.
        path: The `.tflite` file.

    Returns:
        For each weight, in their order, the constant that is it, or those of its gates in their order; none
        where it was not found.

    Raises:
        TFLiteFileError: The file cannot be read.
    """
    constants = _decoded(_candidates(path))
    return [_locate(weight, constants).matches for weight in expected]


def broken_encodings(path: str | Path, variant: str) -> list[str]:
    """Lists the tensors of a TFLite file whose sparse encoding is broken, pruned ones and others.

    Returns:
        A sentence for each. None for a file that cannot be read: `check_tflite_file` says that.
    """
    try:
        constants = read_constants(path)
    except TFLiteFileError:
        return []
    broken = [constant for constant in constants if constant.problem is not None]
    return [f"tflite_{variant}: {path}: {c}: {c.problem}{_remedy(c)}" for c in broken]


def _remedy(constant: StoredConstant) -> str:
    """Says what to do about the one defect of TensorFlow's encoder that is known."""
    block = max(constant.encoding.blocks, default=1) if constant.encoding else 1
    if Use("FULLY_CONNECTED", 1) not in constant.uses or constant.shape[-1] >= block:
        return ""
    return (
        f". TensorFlow's encoder breaks Dense kernels of fewer inputs than its blocks of {block}: leave the"
        " sparse variant out, or that layer dense"
    )


def _candidates(path: str | Path) -> list[StoredConstant]:
    """Reads a file without shapes, axes and the like, and what no operator reads, for it proves nothing."""
    constants = read_constants(path)
    return [c for c in constants if c.uses and (c.quantized or c.values.dtype.kind == "f")]


def _decoded(constants: Sequence[StoredConstant]) -> list[StoredConstant]:
    return [constant for constant in constants if constant.problem is None]


def _check(
    expected: PrunedWeight, constants: Sequence[StoredConstant], path: str | Path, point: str
) -> CheckRow:
    problems, decoded = planned_count_problems(expected), _decoded(constants)
    found = _locate(expected, decoded)
    if found.matches:
        return judge(expected, point, found.values(), problems)
    shape, closest, whole = expected.values.shape, found.closest, None
    suspect = next((c for c in constants if c.problem is not None and views(shape, c.shape)), None)
    if suspect is not None:
        words = f"; {suspect} may be it, but {suspect.problem}"
    elif closest is None:
        size = expected.values.size
        shapes = {c.shape for c in decoded if len(c.shape) > 1}
        near = sorted(shapes, key=lambda shape: abs(int(np.prod(shape)) - size))[:_CLOSEST]
        nearest = ", ".join(map(shape_text, near)) or "none"
        words = f": no constant of its {size} values fits its shape; nearest: {nearest}"
    else:
        whole = closest.values() if not found.part else None
        words = f"; the closest constant{found.part} is {closest.constant}: {closest.difference()} there"
    return judge(expected, point, whole, [*problems, f"was not found in {path}{words}"])


@dataclass(frozen=True, eq=False)
class _Located:
    """Where a weight lies: one match, or one per group of gates; or the closest that is not it."""

    matches: tuple[WeightMatch, ...] = ()
    closest: WeightMatch | None = None
    part: str = ""

    def values(self) -> np.ndarray:
        return np.concatenate([match.values() for match in self.matches], axis=-1)


def _locate(weight: PrunedWeight, constants: Sequence[StoredConstant]) -> _Located:
    whole = _best(weight, constants)
    if whole is not None and whole.proven:
        return _Located(matches=(whole,))
    shape = weight.values.shape
    parts = [
        _locate_gates(weight, constants, gates)
        for gates in _GATES
        if len(shape) >= 2 and shape[-1] % gates == 0
    ]
    if proven := next((located for located in parts if located.matches), None):
        return proven
    if whole is not None:
        return _Located(closest=whole)
    return next((located for located in parts if located.closest is not None), _Located())


def _locate_gates(weight: PrunedWeight, constants: Sequence[StoredConstant], gates: int) -> _Located:
    units = weight.values.shape[-1] // gates
    matches: list[WeightMatch] = []
    start = 0
    while start < gates:
        closest = None
        # Longest first, so that gates stored together are found together; all of them were tried as a whole.
        for end in range(gates - (start == 0), start, -1):
            match = _best(weight.part(slice(start * units, end * units)), constants)
            closest = match or closest
            if match is not None and match.proven:
                matches.append(match)
                start = end
                break
        else:
            return _Located(closest=closest, part=f" to gate {start + 1} of {gates}")
    return _Located(matches=tuple(matches))


def _best(weight: PrunedWeight, constants: Sequence[StoredConstant]) -> WeightMatch | None:
    """Returns the constant and view that the weight agrees with best, or `None` where no shape fits."""
    candidates = [(c, view) for c in constants for view in views(weight.values.shape, c.shape)]
    matches = [
        compare(constant, view, weight.values, weight.mask, weight.folds)
        for constant, view in _promising(candidates, weight.mask)
    ]
    name = f"{weight.layer}/{weight.weight}"
    return min(
        matches,
        key=lambda m: (m.not_zero + m.changed, m.folded, -_kinship(name, m.constant.name)),
        default=None,
    )


def _promising(
    candidates: list[tuple[StoredConstant, View]], mask: np.ndarray
) -> list[tuple[StoredConstant, View]]:
    """Drops candidates that lack planned zeros at a sample of positions, or keeps the nearest if all do.

    A planned zero that is not zero settles it, so nothing is lost; a full comparison takes much longer.
    """
    pruned = np.flatnonzero(~mask)
    if len(candidates) <= _CLOSEST or pruned.size == 0:
        return candidates
    probes = pruned[:: max(1, pruned.size // _PROBES)]
    misses = [
        int(np.count_nonzero(~constant.zeros.reshape(-1)[view.places(probes)]))
        for constant, view in candidates
    ]
    good = [candidate for candidate, missed in zip(candidates, misses, strict=True) if missed == 0]
    nearest = [candidates[i] for i in np.argsort(misses, kind="stable")[:_CLOSEST]]
    return good or nearest


def _kinship(name: str, constant: str) -> int:
    """Counts the parts of a weight's name that a constant's name has too; it only breaks ties."""
    return len(set(name.split("/")) & set(re.split("[/;]", constant)))

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
from runner.verify.folding import Folds
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
        found = [constant for constant in read_constants(path) if _may_be_weight(constant)]
    except TFLiteFileError as error:
        return [judge(weight, point, None, [str(error)]) for weight in expected]
    constants = [constant for constant in found if constant.problem is None]
    broken = [constant for constant in found if constant.problem is not None]
    return [_check(weight, constants, broken, Path(path), point) for weight in expected]


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
    constants = [c for c in read_constants(path) if _may_be_weight(c) and c.problem is None]
    return [_locate(_wanted(weight), constants).matches for weight in expected]


def broken_encodings(path: str | Path, variant: str) -> list[str]:
    """Lists the tensors of a TFLite file whose sparse encoding is broken, pruned ones and others.

    Args:
        path: The `.tflite` file.
        variant: Its kind.

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


def _may_be_weight(constant: StoredConstant) -> bool:
    """Leaves out shapes, axes and the like, and what no operator reads, for it proves nothing."""
    return bool(constant.uses) and (constant.quantized or constant.values.dtype.kind == "f")


def _check(
    expected: PrunedWeight,
    constants: Sequence[StoredConstant],
    broken: Sequence[StoredConstant],
    path: Path,
    point: str,
) -> CheckRow:
    problems = planned_count_problems(expected)
    found = _locate(_wanted(expected), constants)
    if found.proven:
        return judge(expected, point, found.values(), problems)
    suspect = next((c for c in broken if views(expected.values.shape, c.shape)), None)
    if suspect is not None:
        told = f"was not found in {path}; {suspect} may be it, but {suspect.problem}"
        return judge(expected, point, None, [*problems, told])
    closest = found.closest
    if closest is None:
        return judge(expected, point, None, [*problems, _no_fit(expected, constants, path)])
    where = f"the closest constant{found.part} is {closest.constant}: {closest.difference()} there"
    problems.append(f"was not found in {path}; {where}")
    whole = closest.values() if not found.part else None
    return judge(expected, point, whole, problems)


def _no_fit(expected: PrunedWeight, constants: Sequence[StoredConstant], path: Path) -> str:
    size = expected.values.size
    near = sorted({c.shape for c in constants if len(c.shape) > 1}, key=lambda s: abs(int(np.prod(s)) - size))
    listed = ", ".join(map(shape_text, near[:_CLOSEST])) or "none"
    return f"was not found in {path}: no constant of its {size} values fits its shape; nearest: {listed}"


@dataclass(frozen=True, eq=False)
class _Wanted:
    """A weight, or some gates of one, to be located."""

    name: str
    values: np.ndarray
    mask: np.ndarray
    folds: Folds | None

    def part(self, span: slice) -> "_Wanted":
        """Cuts a part out along the last axis."""
        folds = None if self.folds is None else self.folds.part(span)
        return _Wanted(self.name, self.values[..., span], self.mask[..., span], folds)


def _wanted(weight: PrunedWeight) -> _Wanted:
    return _Wanted(f"{weight.layer}/{weight.weight}", weight.values, weight.mask, weight.folds)


@dataclass(frozen=True, eq=False)
class _Located:
    """Where a weight lies: one match, or one per group of gates; or the closest that is not it."""

    matches: tuple[WeightMatch, ...] = ()
    closest: WeightMatch | None = None
    part: str = ""

    @property
    def proven(self) -> bool:
        return bool(self.matches)

    def values(self) -> np.ndarray:
        return np.concatenate([match.values() for match in self.matches], axis=-1)


def _locate(wanted: _Wanted, constants: Sequence[StoredConstant]) -> _Located:
    whole = _best(wanted, constants)
    if whole is not None and whole.proven:
        return _Located(matches=(whole,))
    parts = [
        _locate_gates(wanted, constants, gates)
        for gates in _GATES
        if wanted.values.ndim >= 2 and wanted.values.shape[-1] % gates == 0
    ]
    proven = next((located for located in parts if located.proven), None)
    if proven is not None:
        return proven
    if whole is not None:
        return _Located(closest=whole)
    return next((located for located in parts if located.closest is not None), _Located())


def _locate_gates(wanted: _Wanted, constants: Sequence[StoredConstant], gates: int) -> _Located:
    units = wanted.values.shape[-1] // gates
    matches: list[WeightMatch] = []
    start = 0
    while start < gates:
        closest = None
        # Longest first, so that gates stored together are found together; all of them were tried as a whole.
        for end in range(gates - (start == 0), start, -1):
            match = _best(wanted.part(slice(start * units, end * units)), constants)
            closest = match or closest
            if match is not None and match.proven:
                matches.append(match)
                start = end
                break
        else:
            return _Located(closest=closest, part=f" to gate {start + 1} of {gates}")
    return _Located(matches=tuple(matches))


def _best(wanted: _Wanted, constants: Sequence[StoredConstant]) -> WeightMatch | None:
    """Returns the constant and view that the weight agrees with best, or `None` where no shape fits."""
    shape = wanted.values.shape
    candidates = [(c, view) for c in constants for view in views(shape, c.shape)]
    matches = [
        compare(constant, view, wanted.values, wanted.mask, wanted.folds)
        for constant, view in _promising(candidates, wanted.mask)
    ]
    return min(
        matches,
        key=lambda m: (m.not_zero + m.changed, m.folded, -_kinship(wanted.name, m.constant.name)),
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

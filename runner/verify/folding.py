"""Scales that the converter multiplies into kernels.

A BatchNormalization after a convolution or Dense layer becomes one factor per output channel of its kernel,
one before a Dense layer a factor per input, a constant multiplication one factor for all. The kernel's values
then reappear scaled. Where a model tells its factors, only these are believed (see `model_folds`). Here they
are read off the file: such a scale is believed where it explains all the kept weights that share it.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runner.tflite.constant import StoredConstant, Use

_KERNEL = 1
_OUTPUT_FIRST = frozenset(Use(op, _KERNEL) for op in ("CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED"))
_OUTPUT_LAST = frozenset({Use("DEPTHWISE_CONV_2D", _KERNEL)})
_INPUT_LAST = frozenset({Use("FULLY_CONNECTED", _KERNEL)})
# The largest weights of a channel tell its scale; their median is not moved by a few that were changed. Where
# they are rounded to few bits, the very largest tells it best: half a step there is less anywhere else.
_WITNESSES, _WITNESSES_ROUNDED = 9, 1
# How far apart, relatively, rounding alone sets two readings of one scale.
_SLACK, _SLACK_ROUNDED = 1e-6, 0.02


ONE = np.ones((), np.float64)


@dataclass(frozen=True, eq=False)
class Folds:
    """The factors that a converter may multiply into a weight, as far as its model tells them.

    Args:
        outputs: What follows the layer and only multiplies, such as batch norms: factors that broadcast
            against the weight in Keras layout, each with all between it and the layer multiplied in; 1 first.
        inputs: The same of what precedes the layer.
    """

    outputs: tuple[np.ndarray, ...] = (ONE,)
    inputs: tuple[np.ndarray, ...] = (ONE,)

    def scaled(self, values: np.ndarray) -> Iterator[np.ndarray]:
        """Gives what the weight may be in a file, apart from the weight itself.

        Args:
            values: The trained values, in Keras layout.
        """
        for inner, outer in itertools.islice(itertools.product(self.inputs, self.outputs), 1, None):
            yield values * (inner * outer)

    def part(self, span: slice) -> "Folds":
        """Returns the factors of a part of the weight, cut along its last axis."""
        return Folds(
            *(
                tuple(
                    factor[..., span] if factor.ndim and factor.shape[-1] > 1 else factor for factor in side
                )
                for side in (self.outputs, self.inputs)
            )
        )


def scaled(constant: StoredConstant, values: np.ndarray, kept: np.ndarray) -> list[np.ndarray]:
    """Lists what the kept weights would be in the file under each kind of scale its operators allow.

    Args:
        constant: The constant; its values are what was found.
        values: The trained values, in the constant's shape.
        kept: Which of them are not pruned, in the constant's shape.

    Returns:
        Per kind of scale (per output, per input, both) the trained values times the scale that fits best, of
        the constant's shape. None for an operator into which nothing is folded.
    """
    uses = set(constant.uses)
    found = constant.values.astype(np.float64)
    values = np.where(kept, values, 0).astype(np.float64)
    rounded = bool(constant.steps().any())
    if uses & _OUTPUT_LAST:
        channels = constant.shape[-1]
        scale = _believed(found.reshape(-1, channels).T, values.reshape(-1, channels).T, rounded)
        return [values * scale[:, 0]]
    if not uses & _OUTPUT_FIRST:
        return []
    found, flat = (array.reshape(constant.shape[0], -1) for array in (found, values))
    scales = [_believed(found, flat, rounded)]
    if uses & _INPUT_LAST:
        scales.append(_believed(found.T, flat.T, rounded).T)
        outputs, inputs = _both(found, flat, rounded)
        if _vary(outputs, flat, rounded) and _vary(inputs.T, flat.T, rounded):
            scales.append(outputs * inputs)
    return [(flat * scale).reshape(constant.shape) for scale in scales]


def _believed(found: np.ndarray, values: np.ndarray, rounded: bool) -> np.ndarray:
    """Returns the scale of each row, `[rows, 1]`; for a lone weight that of the others where they share one.

    A lone weight fits any scale, so that taking its ratio for one would excuse whatever was done to it. Where
    the rows have scales of their own, all that is known of a lone weight is that it is not zero.
    """
    scale, known = _scales(found, values, rounded), np.count_nonzero(values, axis=1) >= 2
    if known.any() and not rounded:
        shared = np.median(scale[known])
        agree = np.all(np.abs(scale[known] - shared) <= _SLACK * np.abs(shared))
        # A single row agrees with itself; it is unscaled, or says nothing of the others.
        if agree and (np.count_nonzero(known) > 1 or abs(shared - 1) <= _SLACK):
            scale[~known] = shared
    return scale


def _vary(scale: np.ndarray, values: np.ndarray, rounded: bool) -> bool:
    """Says whether the scales of rows with two weights or more differ; if not, the other axis says it all."""
    known = np.abs(scale[np.count_nonzero(values, axis=1) >= 2, 0])
    slack = _SLACK_ROUNDED if rounded else _SLACK
    return known.size > 0 and bool(known.max() > known.min() * (1 + slack))


def _scales(found: np.ndarray, values: np.ndarray, rounded: bool) -> np.ndarray:
    """Returns the scale of each row, `[rows, 1]`: the median ratio over its largest values.

    A row without a value has the scale 1; so has one whose ratio is zero, for that is no scale.
    """
    count = min(_WITNESSES_ROUNDED if rounded else _WITNESSES, values.shape[1])
    largest = np.argpartition(-np.abs(values), count - 1, axis=1)[:, :count]
    witnesses = np.take_along_axis(values, largest, axis=1)
    seen = np.take_along_axis(found, largest, axis=1)
    usable = (witnesses != 0) & np.isfinite(seen)
    ratios = np.full(witnesses.shape, np.nan)
    np.divide(seen, witnesses, out=ratios, where=usable)
    scale = np.ones((len(values), 1))
    known = usable.any(axis=1)
    scale[known, 0] = np.nanmedian(ratios[known], axis=1)
    return np.where(scale != 0, scale, 1.0)


def _both(found: np.ndarray, values: np.ndarray, rounded: bool) -> tuple[np.ndarray, np.ndarray]:
    """Returns the scales of rows `[rows, 1]` and of columns `[1, columns]` whose product fits best.

    From the row with the most weights, scales spread to the columns it has weights in, from these to further
    rows, and so on. One factor is free: that first row, and one of each part not connected to it, gets 1.
    """
    rows, columns = np.zeros((len(values), 1)), np.zeros((1, values.shape[1]))
    weights = np.count_nonzero(values, axis=1)
    waiting = weights > 0
    while waiting.any():
        rows[np.argmax(np.where(waiting, weights, 0)), 0] = 1.0
        spreading = True
        while spreading:
            reached = values * rows
            new = (columns[0] == 0) & reached.any(axis=0)
            columns[0, new] = _scales(found[:, new].T, reached[:, new].T, rounded)[:, 0]
            reached = values * columns
            late = (rows[:, 0] == 0) & reached.any(axis=1)
            rows[late] = _scales(found[late], reached[late], rounded)
            spreading = bool(new.any() or late.any())
        waiting &= rows[:, 0] == 0
    columns[columns == 0] = 1.0
    # The first columns were read off one row each; with all rows known they have more witnesses.
    rows = _scales(found, values * columns, rounded)
    return rows, _scales(found.T, (values * rows).T, rounded).T

"""Finds m:n and block patterns in the zeros of a stored weight."""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from runner.pruning.masks import check_m_by_n, m_by_n_groups
from runner.pruning.notation import Axis

PatternVerdict = Literal["holds", "vacuous", "broken"]

# Share of zeros among kept weights that is no sign of a broken pattern: a trained weight may be zero.
_NATURAL = 0.01


@dataclass(frozen=True)
class PatternResult:
    """Whether one pattern holds along one axis.

    Attributes:
        verdict: `"holds"`; `"vacuous"` where it holds only because no group can break it; `"broken"`.
        groups: How many groups there are that could break it.
        broken: How many of them have too few zeros, or for blocks: both zeros and weights.
    """

    verdict: PatternVerdict
    groups: int
    broken: int


class Pattern(Protocol):
    """A pattern that zeros may have."""

    @property
    def label(self) -> str:
        """What tables call it."""

    def find(self, zeros: np.ndarray, *, axis: Axis, near_zero: int) -> PatternResult:
        """Looks for the pattern.

        Args:
            zeros: Where the weights are zero, `[outputs, spatial, inputs]`.
            axis: What the groups run along.
            near_zero: How many weights of the tensor are one quantization step from zero; 0 where it is not
                quantized.
        """


@dataclass(frozen=True)
class MByNPattern:
    """Of each group of `n` weights `m` or more are zero; the groups are those of `masks.m_by_n_mask`.

    Args:
        m: Zeros in each group, 0 < m < n.
        n: Weights in each group.
    """

    m: int
    n: int

    def __post_init__(self) -> None:
        check_m_by_n(self.m, self.n)

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{self.m}:{self.n}"

    def find(self, zeros: np.ndarray, *, axis: Axis, near_zero: int) -> PatternResult:
        """Looks for the pattern; see `Pattern`."""
        groups, broken = m_by_n_groups(zeros.transpose(1, 2, 0), self.m, self.n, axis)
        return PatternResult("broken" if broken else "holds" if groups else "vacuous", groups, broken)


@dataclass(frozen=True)
class BlockPattern:
    """Of each block of `size` inputs, all weights are zero or the block is free.

    What lies in a free block is free, so a few zeros there are no fault: as many as 1 % of its weights, and
    in a quantized tensor as many as lie one step from zero, for rounding made them. More of them mean that
    the zeros do not come in blocks.

    Args:
        size: Inputs in a block, at least 2. The last block of a run may be smaller.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 2:
            raise ValueError(f"a block has 2 inputs or more, not {self.size}")

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"block {self.size}"

    def find(self, zeros: np.ndarray, *, axis: Axis, near_zero: int) -> PatternResult:
        """Looks for the pattern; see `Pattern`."""
        outputs, spatial, inputs = zeros.shape
        runs = zeros.reshape((outputs * spatial, inputs) if axis == "input_channels" else (outputs, -1))
        if runs.shape[1] < 2:
            return PatternResult("vacuous", 0, 0)
        starts = np.arange(0, runs.shape[1], self.size)
        sizes = np.diff([*starts, runs.shape[1]])
        found = np.add.reduceat(runs, starts, axis=1, dtype=np.int32)
        pruned = found == sizes
        mixed = int(np.count_nonzero((found > 0) & ~pruned))
        in_blocks = int((pruned * sizes).sum())
        stray, free = int(found.sum()) - in_blocks, zeros.size - in_blocks
        if stray > math.ceil(_NATURAL * free) + near_zero:
            return PatternResult("broken", pruned.size, mixed)
        return PatternResult("holds" if pruned.any() else "vacuous", pruned.size, mixed)


COMMON = tuple(MByNPattern(m, n) for m, n in ((1, 2), (1, 4), (2, 4), (4, 8)))
"""The patterns that are checked where none is named."""

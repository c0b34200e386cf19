"""The patterns that zeros can have, looked for in rows of weights."""

import math
import re
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

Axis = Literal["input_channels", "flattened"]
AXES: tuple[Axis, ...] = ("input_channels", "flattened")
PatternVerdict = Literal["holds", "vacuous", "broken"]

# Zeros among kept weights, as a share of these, that chance explains: a trained weight may be zero.
_NATURAL = 0.01


@dataclass(frozen=True)
class PatternResult:
    """What became of one pattern along one axis.

    Attributes:
        verdict: `"holds"`; `"vacuous"` where it holds only because no group can break it; `"broken"`.
        groups: How many groups there are that could break it.
        broken: How many of them have too few zeros, or for blocks: both zeros and weights.
    """

    verdict: PatternVerdict
    groups: int
    broken: int


class Pattern(Protocol):
    """One way in which zeros may lie."""

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
class MByN:
    """Of each group of `n` weights `m` or more are zero; groups begin anew in every run.

    A last group of r < n weights keeps n - m of them along the input channels, and zeroes
    `floor(r * m / n)` along the flattened row, as the masks of `runner.pruning` do.

    Args:
        m: Zeros in each group, 0 < m < n.
        n: Weights in each group.
    """

    m: int
    n: int

    def __post_init__(self) -> None:
        if not 0 < self.m < self.n:
            turned = f" Did you mean {self.n}x{self.m}?" if 0 < self.n < self.m else ""
            raise ValueError(
                f"{self.m}x{self.n}: of each group of n weights m are zero, so 0 < m < n.{turned}"
            )

    @classmethod
    def parse(cls, text: str) -> "MByN":
        """Reads `2x4` or `2:4`.

        Raises:
            ValueError: The text is neither, or m and n do not fit.
        """
        match = re.fullmatch(r"\s*(\d{1,6})\s*[x:]\s*(\d{1,6})\s*", text)
        if match is None:
            raise ValueError(f"'{text}' is no pattern; write 2x4 for 2 zeros in each 4 weights")
        return cls(int(match[1]), int(match[2]))

    @property
    def label(self) -> str:
        """What tables call it."""
        return f"{self.m}:{self.n}"

    def find(self, zeros: np.ndarray, *, axis: Axis, near_zero: int) -> PatternResult:
        """Looks for the pattern; see `Pattern`."""
        runs = _runs(zeros, axis)
        whole, rest = divmod(runs.shape[1], self.n)
        asked = max(0, rest - (self.n - self.m)) if axis == "input_channels" else rest * self.m // self.n
        groups = runs.shape[0] * (whole + (asked > 0))
        if groups == 0:
            return PatternResult("vacuous", 0, 0)
        if not zeros.any():
            return PatternResult("broken", groups, groups)
        # Adding slices is many times faster than a sum over an axis as short as a group.
        cut = whole * self.n
        found = np.zeros((runs.shape[0], whole), np.int32 if self.n > 255 else np.uint8)
        for place in range(self.n):
            found += runs[:, place : cut : self.n]
        broken = int(np.count_nonzero(found < self.m))
        if asked:
            broken += int(np.count_nonzero(np.count_nonzero(runs[:, cut:], axis=1) < asked))
        return PatternResult("broken" if broken else "holds", groups, broken)


@dataclass(frozen=True)
class Blocks:
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
        runs = _runs(zeros, axis)
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


COMMON = (MByN(1, 2), MByN(1, 4), MByN(2, 4), MByN(4, 8))
"""What is looked for where no pattern is asked for."""


def _runs(zeros: np.ndarray, axis: Axis) -> np.ndarray:
    """Views `[outputs, spatial, inputs]` as the runs that groups are laid along, `[runs, weights]`."""
    outputs, spatial, inputs = zeros.shape
    return zeros.reshape((outputs * spatial, inputs) if axis == "input_channels" else (outputs, -1))

"""How many weights a sparsity keeps: the one rule that plan, masks and sparsity check share."""

import math

import numpy as np

FULL_PATTERN_TOLERANCE = 1e-6
"""A sparsity this close to m/n asks for the full m:n pattern."""


def as_float32(sparsity: float) -> float:
    """Rounds a sparsity the way a float32 tensor holds it, so that plan and graph count alike."""
    return float(np.float32(sparsity))


def kept_count(size: int, sparsity: float) -> int:
    """Counts the weights that stay.

    Args:
        size: Number of weights (or of blocks, or of filters), at least 1.
        sparsity: Share to prune, in [0, 1).

    Returns:
        `max(round_half_even(size * (1 - sparsity)), 1)`, the sparsity taken as float32.
    """
    return max(round(size * (1.0 - as_float32(sparsity))), 1)


def m_by_n_share(sparsity: float, m: int, n: int) -> float:
    """Returns which share of the full m:n pattern's zeros a sparsity asks for, in [0, 1].

    Args:
        sparsity: Share of all weights to prune, in [0, 1).
        m: Zeros in each group.
        n: Weights in each group.
    """
    full = m / n
    value = as_float32(sparsity)
    return 1.0 if value >= full - FULL_PATTERN_TOLERANCE else value / full


def m_by_n_zero_count(full_zeros: int, sparsity: float, m: int, n: int) -> int:
    """Counts the zeros of a gradual m:n mask.

    Args:
        full_zeros: Zeros of the full pattern over the whole tensor.
        sparsity: Share of all weights to prune, in [0, 1).
        m: Zeros in each group.
        n: Weights in each group.
    """
    return round(m_by_n_share(sparsity, m, n) * full_zeros)


def group_zeros(length: int, m: int, n: int, *, short_groups_keep: bool) -> int:
    """Counts the zeros of the m:n pattern along one run of `length` weights.

    Args:
        length: Weights in the run.
        m: Zeros in each full group.
        n: Weights in each full group.
        short_groups_keep: True when a short last group keeps `n - m` weights (the strict reading by
            input channels); False when a tail of `r` weights zeroes `floor(r * m / n)`.
    """
    groups, rest = divmod(length, n)
    return groups * m + short_group_zeros(rest, m, n, keep=short_groups_keep)


def short_group_zeros(rest: int, m: int, n: int, *, keep: bool) -> int:
    """Counts the zeros of a last group of `rest` < n weights; `keep` as in `group_zeros`."""
    return max(0, rest - (n - m)) if keep else math.floor(rest * m / n)

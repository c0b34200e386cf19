"""How many weights a sparsity keeps: the one rule that plan, masks and sparsity check share."""

import numpy as np

SPARSITY_TOLERANCE = 1e-6
"""Sparsities this close are one level; one this close to m/n asks for the full m:n pattern."""


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


def reaches_full_pattern(sparsity: float, m: int, n: int) -> bool:
    """Tells whether a sparsity asks for the full m:n pattern, not for some of its zeros."""
    return as_float32(sparsity) >= m / n - SPARSITY_TOLERANCE


def m_by_n_zero_count(full_zeros: int, sparsity: float, m: int, n: int) -> int:
    """Counts the zeros of a gradual m:n mask: the share `sparsity / (m/n)` of those of the full pattern.

    Args:
        full_zeros: Zeros of the full pattern over the whole tensor.
        sparsity: Share of all weights to prune, in [0, 1).
        m: Zeros in each group.
        n: Weights in each group.
    """
    share = 1.0 if reaches_full_pattern(sparsity, m, n) else as_float32(sparsity) / (m / n)
    return round(share * full_zeros)


def short_group_zeros(rest: int, m: int, n: int, *, keep: bool) -> int:
    """Counts the zeros of a last group of fewer than n weights.

    Args:
        rest: Weights in it.
        m: Zeros in each full group.
        n: Weights in each full group.
        keep: True where it keeps `n - m` weights (groups along the input channels); False where it zeroes
            `floor(rest * m / n)` (groups along the flattened row).
    """
    return max(0, rest - (n - m)) if keep else rest * m // n

"""Importance: what ranks the weights, their magnitude or random scores.

Random masks are the control that a method of pruning has to beat: the same counts, schedule and structure,
other weights. The score of weight i is a pure function of the seed and i, the same at each update of a mask.
So the masks of a rising schedule are nested, as those of magnitude are: what is pruned stays pruned. (Masks
sampled anew at every update would be another experiment: weights that come and go while the others learn.)
"""

import difflib
import hashlib
import math
import random

import numpy as np
import numpy.typing as npt

from runner.pruning.notation import IMPORTANCES

_LARGEST_SEED = 2**64 - 1
# SplitMix64: Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).
STEP, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SHIFTS = (30, 27, 31)
DIGITS = 24  # So many bits a float32 holds exactly.


def checked_seed(importance: str, seed: int | None) -> int | None:
    """Checks the arguments `importance` and `importance_seed` of a wrapper.

    Returns:
        The seed, from Python's `random` where random importance is given none; None for magnitude.

    Raises:
        ValueError: The importance is none of `IMPORTANCES`, or its seed cannot be used.
    """
    if importance not in IMPORTANCES:
        near = difflib.get_close_matches(str(importance).lower(), IMPORTANCES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"importance is {importance!r}; it must be one of {', '.join(IMPORTANCES)}.{hint}")
    if seed is None:
        return random.getrandbits(63) if importance == "random" else None
    if importance != "random":
        raise ValueError(f"importance_seed is for importance='random'; importance is {importance!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= _LARGEST_SEED:
        raise ValueError(f"importance_seed is {seed!r}; it must be a whole number from 0 to 2**64 - 1.")
    return int(seed)


def derived_seed(seed: int, name: str) -> int:
    """Derives the seed of a named part (a layer, a weight of it) from that of the whole.

    Args:
        seed: From 0 on.
        name: Parts of different names get different seeds.

    Returns:
        A number from 0 to 2**64 - 1, the same on every machine.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:8], "little")


def random_scores(shape: tuple[int, ...], seed: int) -> npt.NDArray[np.float32]:
    """Returns a random score for each weight: the upper 24 bits of outputs 1 to n of SplitMix64.

    Args:
        shape: Of the weight, as it is stored.
        seed: From 0 to 2**64 - 1.

    Returns:
        float32 of that shape, uniform in [0, 1), to be ranked in place of magnitudes.
    """
    bits = np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(STEP) + np.uint64(seed)
    bits = (bits ^ (bits >> np.uint64(SHIFTS[0]))) * np.uint64(FIRST)
    bits = (bits ^ (bits >> np.uint64(SHIFTS[1]))) * np.uint64(SECOND)
    bits ^= bits >> np.uint64(SHIFTS[2])
    upper = (bits >> np.uint64(64 - DIGITS)).astype(np.float32)
    return (upper * np.float32(2.0**-DIGITS)).reshape(shape)

"""Short names: of the jobs of a sweep, of the sweep itself, and of a run that is in none."""

import re
from collections.abc import Sequence

from runner.sweep.factors import Factor, short_keys, sweep_factors

# What says by itself what it is: `polynomial`, `study/constant`; not `0.5`, `[2,4]` or `true`.
_WORD = re.compile(r"[A-Za-z_][\w/-]*")
_NO_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "none", "nan", "inf"}


def job_names(factors: Sequence[Factor], count: int) -> tuple[str, ...]:
    """Names each job of a sweep by the levels of what was swept.

    Args:
        factors: What was swept.
        count: How many jobs there are.

    Returns:
        Such as `polynomial sparsity=0.5 seed=1`: a level that is a word stands by itself, before any other
        level the last word of its key, or more where that is another's too. Names of recipes lose the
        folder that all of them lie in.
    """
    keys = short_keys((factor.key for factor in factors), least=1)
    shown = {factor.key: without_common_folder(factor.levels) for factor in factors}
    bare = {
        factor.key
        for factor in factors
        if all(_WORD.fullmatch(level) and level.lower() not in _NO_WORDS for level in factor.levels)
        and not any(set(shown[factor.key]) & set(shown[o.key]) for o in factors if o is not factor)
    }
    parts = [
        [level if factor.key in bare else f"{keys[factor.key]}={level}" for level in shown[factor.key]]
        for factor in factors
    ]
    return tuple(" ".join(own[job] for own in parts) or "defaults" for job in range(count))


def sampled_name(overrides: Sequence[str], command: Sequence[str]) -> str:
    """Names a job whose sweeper chose its values as it went, by those values.

    Args:
        overrides: The job's.
        command: The sweep's, whose words name what was not chosen.
    """
    sampled = [override for override in overrides if override not in command]
    [name] = job_names(sweep_factors([sampled]), 1)
    return name


def sweep_name(factors: Sequence[Factor]) -> str:
    """Names a sweep by what it varies: `sweep of schedule.name, schedule.sparsity, seed`."""
    return f"sweep of {', '.join(factor.name for factor in factors) or 'the defaults'}"


def run_name(recipe: str, overrides: Sequence[str], seed: int) -> str:
    """Names a run that is in no sweep as it would be named in one.

    Args:
        recipe: The recipe's name.
        overrides: What of the recipe the command changed.
        seed: The run's.

    Returns:
        Such as `mnist_constant sparsity=0.5 seed=1`.
    """
    [name] = job_names(sweep_factors([[f"recipe={recipe}", *overrides, f"seed={seed}"]]), 1)
    return name


def without_common_folder(levels: Sequence[str]) -> tuple[str, ...]:
    """Takes the folder off names that all lie in it: `a/b, a/c` become `b, c`."""
    distinct = set(levels)
    folder = levels[0].rpartition("/")[0] if len(distinct) > 1 else ""
    while folder and not all(level.startswith(f"{folder}/") for level in distinct):
        folder = folder.rpartition("/")[0]
    start = len(folder) + 1 if folder else 0
    return tuple(level[start:] for level in levels)

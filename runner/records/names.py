"""Short names of the jobs of a sweep, of the sweep itself, and of single runs."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from runner.recipe.override_syntax import parse_override
from runner.records.swept_keys import SweptKey, short_keys, sweep_factors

# A level that needs no key beside it: `polynomial`, `study/constant`; not `0.5`, `[2,4]` or `true`.
_WORD = re.compile(r"[A-Za-z_][\w/-]*")
_NO_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "none", "nan", "inf"}


def job_names(factors: Sequence[SweptKey], count: int) -> tuple[str, ...]:
    """Names each job of a sweep by its levels.

    Args:
        factors: Of the sweep.
        count: How many jobs there are.

    Returns:
        Such as `polynomial sparsity=0.5 seed=1`: a level that is a word stands by itself, before any other
        level the last word of its key, or more where that is another's too. Names of recipes lose the
        folder that all of them lie in.
    """
    if not factors:
        return ("defaults",) * count
    return level_names([factor.key for factor in factors], [factor.levels for factor in factors])


def level_names(keys: Sequence[str], levels: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Names jobs, or groups of them, by their levels; see `job_names`.

    Args:
        keys: The dotted key of each factor.
        levels: For each factor its level in each job.
    """
    short = short_keys(keys, least=1)
    shown = [without_common_folder(own) for own in levels]
    parts = []
    for place, (key, own) in enumerate(zip(keys, shown, strict=True)):
        words = all(_WORD.fullmatch(level) and level.lower() not in _NO_WORDS for level in levels[place])
        alike = any(set(own) & set(other) for other in shown[:place] + shown[place + 1 :])
        parts.append(own if words and not alike else [f"{short[key]}={level}" for level in own])
    return tuple(" ".join(own) for own in zip(*parts, strict=True))


def sampled_values(overrides: Sequence[str], fixed: Collection[str]) -> dict[str, str]:
    """Returns the values that a search has sampled for a job, by dotted key without `recipe.` in front.

    Args:
        overrides: The job's.
        fixed: The keys, written alike, whose values the command gives.
    """
    return {key: value for key, value in map(parse_override, overrides) if key not in fixed}


def sampled_name(sampled: Mapping[str, str]) -> str:
    """Names a job by its sampled values, numbers with four digits.

    Args:
        sampled: See `sampled_values`.
    """
    short = [f"{key}={short_number(value)}" for key, value in sampled.items()]
    [name] = job_names(sweep_factors([short]), 1)
    return name


def short_number(written: str) -> str:
    """Shortens a number to four digits, unless it is a whole one; any other text stays as it is."""
    if re.fullmatch(r"[+-]?\d+", written):
        return written
    try:
        return f"{float(written):.4g}"
    except ValueError:
        return written


def sweep_name(factors: Iterable[str]) -> str:
    """Names a sweep by the names of its factors: `sweep of schedule.name, schedule.sparsity, seed`."""
    return f"sweep of {', '.join(factors) or 'the defaults'}"


def run_name(recipe: str, overrides: Sequence[str], seed: int) -> str:
    """Names a run that is in no sweep as it would be named in one.

    Args:
        recipe: The recipe's name.
        overrides: The command's changes of the recipe.
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

"""The factors of a sweep: the keys that it varies, their short names, and their level in every job."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runner.recipe.override_syntax import parse_override


@dataclass(frozen=True)
class SweptKey:
    """A key whose value not all jobs of a sweep share.

    Args:
        key: As the command names it, without `recipe.` in front: `layers.all.schedule.name`.
        name: The short name: `schedule.name`.
        levels: Its value in each job, as written, quotes around it left out.
    """

    key: str
    name: str
    levels: tuple[str, ...]


def sweep_factors(jobs: Sequence[Sequence[str]]) -> tuple[SweptKey, ...]:
    """Returns the factors of a sweep.

    Args:
        jobs: The overrides of each, such as `["recipe=mnist_constant", "outputs=results", "seed=1"]`.

    Returns:
        A factor for each key that differs, in the order of the command; for every key where none differs.
    """
    written = [dict(parse_override(override) for override in job) for job in jobs]
    keys = list(dict.fromkeys(key for job in written for key in job))
    varied = [key for key in keys if len({job.get(key) for job in written}) > 1]
    names = short_keys(varied or keys)
    return tuple(
        SweptKey(key, names[key], tuple(job.get(key, "") for job in written)) for key in varied or keys
    )


def short_keys(keys: Iterable[str], *, least: int = 2) -> dict[str, str]:
    """Shortens dotted keys to their last words.

    Args:
        keys: Such as `layers.all.schedule.name`.
        least: How many words are kept where there are as many. The last one alone (`name`, `sparsity`) does
            not say of what.

    Returns:
        By key its last `least` words, or more where those would stand for another key as well.

    Example:
        >>> short_keys(["layers.all.schedule.name", "seed"])
        {'layers.all.schedule.name': 'schedule.name', 'seed': 'seed'}
    """
    distinct = list(dict.fromkeys(keys))
    endings = Counter(ending for key in distinct for ending in _endings(key))
    return {
        key: next((end for end in _endings(key)[least - 1 :] if endings[end] == 1), key) for key in distinct
    }


def _endings(key: str) -> list[str]:
    """Returns the last word of a key, its last two words, and so on."""
    words = key.split(".")
    return [".".join(words[-count:]) for count in range(1, len(words) + 1)]

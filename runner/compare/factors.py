"""Factors: what a set of runs varied, and the level of each run."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runner.records.swept_keys import short_keys

RECIPE = "recipe"
ABSENT = "-"
"""The level of a run whose recipe does not have the key."""

_NO_SCIENCE = ("description", "export", "budget", "seed", "data.path", "data.fallback")
"""Keys, and those below them, that do not change what is trained."""


@dataclass(frozen=True)
class Factor:
    """Something that was varied.

    Args:
        key: The recipe's dotted key, such as `layers.all.schedule.name`, or `recipe`.
        name: The shortest ending of the key that tells it from the other factors, such as `schedule.name`.
        levels: Its values as text, numbers ascending, others in the order of their first run; two at least.
            Equal numbers (0.9 and 0.90) are one level, spelled as in the first run.
        numeric: Whether every level is a number, so that they have an order and a distance.
        beside: Other keys whose values follow from the level, such as `layers.all.schedule.power`.
    """

    key: str
    name: str
    levels: tuple[str, ...]
    numeric: bool
    beside: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(set(self.levels)) != len(self.levels) or len(self.levels) < 2:
            raise ValueError(f"factor {self.key!r} needs two or more different levels, not {self.levels}")

    def number(self, level: str) -> float:
        """Returns a level of a numeric factor as a number."""
        return float(level)

    def level_of(self, said: Mapping[str, str]) -> str:
        """Returns the level of a run.

        Args:
            said: What the run was asked to do; see `find_factors`.
        """
        value = said.get(self.key, ABSENT)
        if value in self.levels:
            return value
        return next(level for level in self.levels if level != ABSENT and float(level) == float(value))


def find_factors(said: Sequence[Mapping[str, str]], swept: Collection[str] = ()) -> tuple[Factor, ...]:
    """Finds what runs varied, from what each was asked to do.

    A key whose value follows from one factor before it is no factor of its own: recipes differ in many keys,
    and `power` comes with `schedule.name: polynomial`. A key that follows from several factors together, but
    from none of them alone, is one: where each combination of them has its own learning rate, no difference
    between two combinations is due to either factor.

    Args:
        said: For each run its recipe's name under `recipe` and the resolved recipe, flattened with dots.
            Seeds are repetitions, and no factor.
        swept: The keys that were varied on purpose; they come before others that explain as much.

    Returns:
        The factors: the recipe, the swept keys in their order, then others by name.
    """
    keys = {key for one in said for key in one if _is_science(key)}
    columns = {key: _spelled_once(key, [one.get(key, ABSENT) for one in said]) for key in keys}
    varying = {key for key, column in columns.items() if len(set(column)) > 1}
    ordered = [key for key in dict.fromkeys([RECIPE, *swept]) if key in varying]
    # What some runs lack comes with a level of another key, which says more: power with `polynomial`.
    ordered.sort(key=lambda key: ABSENT in columns[key])
    ordered += sorted(varying - set(ordered))
    chosen: list[str] = []
    beside: dict[str, list[str]] = {}
    for key in ordered:
        leading = next((other for other in chosen if _follows(columns[key], columns[other])), None)
        if leading is None:
            chosen.append(key)
        else:
            beside.setdefault(leading, []).append(key)
    names = short_keys(chosen)
    return tuple(
        Factor(key, names[key], *_levels(columns[key]), beside=tuple(beside.get(key, ()))) for key in chosen
    )


def cell_of(said: Mapping[str, str], factors: Sequence[Factor]) -> tuple[str, ...]:
    """Returns the level of each factor in a run.

    Args:
        said: What the run was asked to do; see `find_factors`.
        factors: What was varied.
    """
    return tuple(factor.level_of(said) for factor in factors)


def _is_science(key: str) -> bool:
    return not any(key == other or key.startswith(f"{other}.") for other in _NO_SCIENCE)


def _spelled_once(key: str, column: Sequence[str]) -> tuple[str, ...]:
    """Spells equal numbers alike, as the first of them; recipes are told apart by their names alone."""
    numbers = None if key == RECIPE else _numbers(set(column) - {ABSENT})
    if numbers is None:
        return tuple(column)
    first: dict[float, str] = {}
    return tuple(value if value == ABSENT else first.setdefault(numbers[value], value) for value in column)


def _follows(column: Sequence[str], other: Sequence[str]) -> bool:
    """Returns whether equal values in the other column always come with equal values in this one."""
    seen: dict[str, str] = {}
    return all(seen.setdefault(cause, value) == value for cause, value in zip(other, column, strict=True))


def _levels(column: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    distinct = tuple(dict.fromkeys(column))
    numbers = _numbers(distinct)
    if numbers is None:
        return distinct, False
    return tuple(sorted(distinct, key=numbers.__getitem__)), True


def _numbers(values: Collection[str]) -> dict[str, float] | None:
    """Reads values as numbers; None where one of them is none. `nan` and `inf` are names."""
    try:
        numbers = {value: float(value) for value in values}
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers.values())) else None

"""Factors: what a set of runs varied, and the level of each run."""

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


def find_factors(said: Sequence[Mapping[str, str]], swept: Collection[str] = ()) -> tuple[Factor, ...]:
    """Finds what runs varied, from what each was asked to do.

    A key whose value follows from the factors before it is no factor of its own: recipes differ in many keys,
    and `power` comes with `schedule.name: polynomial`.

    Args:
        said: For each run its recipe's name under `recipe` and the resolved recipe, flattened with dots.
            Seeds are repetitions, and no factor.
        swept: The keys that were varied on purpose; they come before others that explain as much.

    Returns:
        The factors: the recipe, the swept keys in their order, then others by name.
    """
    keys = {key for one in said for key in one if _is_science(key)}
    columns = {key: tuple(one.get(key, ABSENT) for one in said) for key in keys}
    varying = {key for key, column in columns.items() if len(set(column)) > 1}
    ordered = [key for key in dict.fromkeys([RECIPE, *swept]) if key in varying]
    # What some runs lack comes with a level of another key, which says more: power with `polynomial`.
    ordered.sort(key=lambda key: ABSENT in columns[key])
    ordered += sorted(varying - set(ordered))
    chosen: list[str] = []
    beside: dict[str, list[str]] = {}
    for key in ordered:
        if not _follows(columns[key], [columns[other] for other in chosen]):
            chosen.append(key)
            continue
        alone = [other for other in chosen if _follows(columns[key], [columns[other]])]
        if alone:
            beside.setdefault(alone[0], []).append(key)
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
    return tuple(said.get(factor.key, ABSENT) for factor in factors)


def _is_science(key: str) -> bool:
    return not any(key == other or key.startswith(f"{other}.") for other in _NO_SCIENCE)


def _follows(column: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Returns whether equal values in the other columns always come with equal values in this one."""
    seen: dict[tuple[str, ...], str] = {}
    rows = zip(*others, strict=True) if others else [()] * len(column)
    return all(seen.setdefault(tuple(row), value) == value for row, value in zip(rows, column, strict=True))


def _levels(column: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    distinct = list(dict.fromkeys(column))
    try:
        numbers = {level: float(level) for level in distinct}
    except ValueError:
        return tuple(distinct), False
    if not all(abs(number) < float("inf") for number in numbers.values()):  # "nan" and "inf" are names.
        return tuple(distinct), False
    return tuple(sorted(distinct, key=numbers.__getitem__)), True

"""Runs that differ only in their seed, and the short names that tell one group from another."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from runner.compare.result import Result
from runner.sweep.factors import short_keys

# An override begins with a key of the recipe after a blank; there may be blanks within its quoted value.
_BEFORE_OVERRIDE = re.compile(
    r"\s+(?=[+~]{0,2}(?:recipe\.)?(?:description|data|model|training|layers|export)(?:[.=]|$|\s))"
)


@dataclass(frozen=True)
class Group:
    """The runs of one recipe, or of one variation of it, over seeds.

    Args:
        name: What tells it from the other groups.
        variation: The recipe's name and everything that the command line changed in it.
        results: One per seed, by seed.
    """

    name: str
    variation: str
    results: tuple[Result, ...]

    def __post_init__(self) -> None:
        seeds = [result.seed for result in self.results]
        if not seeds or seeds != sorted(set(seeds)):
            raise ValueError(f"a group has one result per seed, by seed; not {seeds}")

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds, ascending."""
        return tuple(result.seed for result in self.results)

    @cached_property
    def by_seed(self) -> dict[int, Result]:
        """Its results by seed."""
        return {result.seed: result for result in self.results}

    def values(self, metric: str) -> list[float]:
        """Returns a metric of every seed that has it."""
        return [result.metrics[metric] for result in self.results if metric in result.metrics]


def make_groups(results: Sequence[Result]) -> tuple[tuple[Group, ...], tuple[Result, ...]]:
    """Puts runs together whose resolved recipes and data are the same, however the command line put them.

    Args:
        results: Finished runs, in the order their groups shall have.

    Returns:
        The groups, in the order in which each first appears, and the runs that were left out because a later
        one of the same group has the same seed.
    """
    kept: dict[tuple[str, str, str | None], dict[int, Result]] = {}
    superseded = []
    for result in results:
        said = result.variation if result.recipe_hash is None else result.recipe_hash
        group = kept.setdefault((result.recipe, said, result.data_sha256), {})
        before = group.get(result.seed)
        if before is not None:
            later = max(before, result, key=lambda one: (one.started, one.run_id))
            superseded.append(before if later is result else result)
            group[result.seed] = later
        else:
            group[result.seed] = result
    members = [tuple(group[seed] for seed in sorted(group)) for group in kept.values()]
    variations = [_words(own) for own in members]
    names = _distinct(short_names(variations), members)
    groups = [Group(*each) for each in zip(names, variations, members, strict=True)]
    return tuple(groups), tuple(superseded)


def _words(members: Sequence[Result]) -> str:
    """Returns how a group's runs were asked for: as most of them were, in the fewest words where as many."""
    counted = Counter(result.variation for result in members)
    return min(counted, key=lambda words: (-counted[words], len(words), words))


def short_names(variations: Sequence[str]) -> list[str]:
    """Shortens variations to what tells them apart.

    Args:
        variations: Each a recipe's name, then overrides such as `layers.all.schedule.sparsity=0.5`.

    Returns:
        A name for each. What all have in common is left out, but for the recipe where nothing else is left;
        of a key the last two words are kept, or more where that would make two keys one. Equal variations
        have equal names.

    Example:
        >>> short_names(["a layers.x.m_by_n=2x4 training.epochs=1", "a training.epochs=1"])
        ['x.m_by_n=2x4', 'a']
    """
    parts = [_BEFORE_OVERRIDE.split(variation.strip()) for variation in variations]
    counted = Counter(part for own in parts for part in set(own))
    common = {part for part, count in counted.items() if count == len(parts)}
    recipes = {own[0] for own in parts}
    folder = _common_folder([own[0] for own in parts]) if len(recipes) > 1 else ""
    keys = short_keys(_key(part) for own in parts for part in own[1:] if part not in common)
    names = []
    for own in parts:
        recipe = [] if own[0] in common else [own[0].removeprefix(folder)]
        changed = [_shortened(part, keys) for part in own[1:] if part not in common]
        names.append(" ".join(recipe + changed) or own[0].removeprefix(folder))
    return names


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].removeprefix("recipe.")


def _shortened(override: str, keys: Mapping[str, str]) -> str:
    _, equals, value = override.partition("=")
    return f"{keys[_key(override)]}{equals}{value}"


def _common_folder(recipes: Sequence[str]) -> str:
    """Returns the folder, with its slash, that all recipes lie in."""
    folder = recipes[0].rpartition("/")[0]
    while folder and not all(recipe.startswith(f"{folder}/") for recipe in recipes):
        folder = folder.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _distinct(names: Sequence[str], members: Sequence[tuple[Result, ...]]) -> list[str]:
    """Adds to equal names what they differ in: their data, or what else their recipes say."""
    told = []
    for name, own in zip(names, members, strict=True):
        same = [others[0] for other, others in zip(names, members, strict=True) if other == name]
        marks = []
        if len({one.data_sha256 for one in same}) > 1:
            marks.append(f"on {data_words(own[0], same)}")
        if len({one.recipe_hash for one in same}) > 1:
            marks.append(f"recipe {own[0].recipe_hash or 'without hash'}")
        told.append(f"{name} ({', '.join(marks)})" if marks else name)
    return told


def data_words(result: Result, beside: Sequence[Result] = ()) -> str:
    """Names a run's data; with its content's hash where others beside it have the same source."""
    source = result.data_source or "unknown data"
    alike = {one.data_sha256 for one in beside if one.data_source == result.data_source}
    return f"{source} {(result.data_sha256 or 'without hash')[:8]}" if len(alike) > 1 else source

"""Runs that differ only in their seed, and the short names that tell one group from another."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from runner.compare.result import Result
from runner.compare.score import Score, score_of

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
        results: One per seed, by seed, each with a result that counts.
        lost: The runs of other seeds, by seed, that have none: they began, and failed.
    """

    name: str
    variation: str
    results: tuple[Result, ...]
    lost: tuple[Result, ...] = ()

    def __post_init__(self) -> None:
        seeds = [result.seed for result in self.results]
        if not seeds or seeds != sorted(set(seeds)):
            raise ValueError(f"a group has one result per seed, by seed; not {seeds}")
        without = [result.seed for result in self.lost]
        if without != sorted(set(without) - set(seeds)):
            raise ValueError(f"seeds {without} are lost or they have results, {seeds}")
        if any(result.failure is not None for result in self.results):
            raise ValueError("a run without a result that counts is among the results")

    @property
    def seeds(self) -> tuple[int, ...]:
        """Its seeds, ascending."""
        return tuple(result.seed for result in self.results)

    @cached_property
    def by_seed(self) -> dict[int, Result]:
        """Its results by seed."""
        return {result.seed: result for result in self.results}

    @cached_property
    def score(self) -> Score:
        """What ranks it."""
        return score_of(self.results)

    def values(self, metric: str) -> list[float]:
        """Returns a metric of every seed that has it."""
        return [result.metrics[metric] for result in self.results if metric in result.metrics]


def make_groups(results: Sequence[Result]) -> tuple[tuple[Group, ...], tuple[Result, ...]]:
    """Puts runs together that differ in nothing but their seed, however the command line put them.

    Args:
        results: Runs that have ended, in the order their groups shall have.

    Returns:
        The groups, in the order in which each first appears, and the runs that were left out because a later
        one of the same group has the same seed. Where no seed of a group has a result there is no group.
    """
    kept: dict[tuple[str | None, ...], dict[int, Result]] = {}
    lost: dict[tuple[str | None, ...], dict[int, Result]] = {}
    superseded = []
    for result in results:
        if result.failure is not None:
            lost.setdefault(_shared(result), {})[result.seed] = result
            continue
        group = kept.setdefault(_shared(result), {})
        before = group.get(result.seed)
        if before is not None:
            later = max(before, result, key=lambda one: (one.started, one.run_id))
            superseded.append(before if later is result else result)
            group[result.seed] = later
        else:
            group[result.seed] = result
    members = [tuple(group[seed] for seed in sorted(group)) for group in kept.values()]
    failed = [lost.get(key, {}) for key in kept]
    without = [
        tuple(own[seed] for seed in sorted(own.keys() - group.keys()))
        for own, group in zip(failed, kept.values(), strict=True)
    ]
    variations = [_words(own) for own in members]
    names = _distinct(short_names(variations), members)
    groups = [Group(*each) for each in zip(names, variations, members, without, strict=True)]
    return tuple(groups), tuple(superseded)


def _shared(result: Result) -> tuple[str | None, ...]:
    """Returns what the runs of a group share.

    A run of an older runner logged no fingerprint of its group. It goes by what it did log, and is never put
    together with newer ones: what it was computed with is not known.
    """
    if result.group_fingerprint is not None:
        return result.recipe, result.group_fingerprint
    said = result.variation if result.recipe_hash is None else result.recipe_hash
    return result.recipe, None, said, result.data_sha256, *sorted((result.files or {}).values())


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
    keys = {_key(part) for own in parts for part in own[1:] if part not in common}
    names = []
    for own in parts:
        recipe = [] if own[0] in common else [own[0].removeprefix(folder)]
        changed = [_shortened(part, keys) for part in own[1:] if part not in common]
        names.append(" ".join(recipe + changed) or own[0].removeprefix(folder))
    return names


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].removeprefix("recipe.")


def _shortened(override: str, keys: set[str]) -> str:
    key, equals, value = override.lstrip("+~").partition("=")
    words = key.removeprefix("recipe.").split(".")
    for count in range(2, len(words) + 1):
        ending = ".".join(words[-count:])
        if sum(other == ending or other.endswith(f".{ending}") for other in keys) == 1:
            return f"{ending}{equals}{value}"
    return ".".join(words) + equals + value


def _common_folder(recipes: Sequence[str]) -> str:
    """Returns the folder, with its slash, that all recipes lie in."""
    folder = recipes[0].rpartition("/")[0]
    while folder and not all(recipe.startswith(f"{folder}/") for recipe in recipes):
        folder = folder.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _distinct(names: Sequence[str], members: Sequence[tuple[Result, ...]]) -> list[str]:
    """Adds to equal names what they differ in: data, recipe, files, or what they were computed with."""
    told = []
    for name, own in zip(names, members, strict=True):
        same = [others[0] for other, others in zip(names, members, strict=True) if other == name]
        marks = []
        if len({one.data_sha256 for one in same}) > 1:
            marks.append(f"on {data_words(own[0], same)}")
        if len({one.recipe_hash for one in same}) > 1:
            marks.append(f"recipe {own[0].recipe_hash or 'without hash'}")
        files = own[0].files or {}
        differing = [
            key for key in ("path", "weights") if len({(one.files or {}).get(key) for one in same}) > 1
        ]
        marks += [f"model.{key} {files[key][:8] or 'unknown'}" for key in differing if key in files]
        marks += _environment_marks(own[0], same)
        told.append(f"{name} ({', '.join(marks)})" if marks else name)
    alike = Counter(told)
    return [
        name
        if alike[name] == 1 or own[0].group_fingerprint is None
        else f"{name} (fingerprint {own[0].group_fingerprint[:8]})"
        for name, own in zip(told, members, strict=True)
    ]


def _environment_marks(result: Result, beside: Sequence[Result]) -> list[str]:
    """Names what a run was computed with, as far as others beside it were computed with something else."""
    environments = [one.environment for one in beside]
    if result.environment is None:
        return ["versions unknown"] if any(one is not None for one in environments) else []
    names = sorted({name for one in environments if one is not None for name in one})
    differing = [n for n in names if len({one.get(n) for one in environments if one is not None}) > 1]
    own = result.environment
    return [f"{name} {own[name]}" if name in own else f"no {name}" for name in differing]


def data_words(result: Result, beside: Sequence[Result] = ()) -> str:
    """Names a run's data; with its content's hash where others beside it have the same source."""
    source = result.data_source or "unknown data"
    alike = {one.data_sha256 for one in beside if one.data_source == result.data_source}
    return f"{source} {(result.data_sha256 or 'without hash')[:8]}" if len(alike) > 1 else source

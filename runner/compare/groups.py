"""Runs that differ only in their seed, the factors by which groups of them differ, and their names."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from runner.compare.contrasts import Cell
from runner.compare.factors import RECIPE, Factor, cell_of, find_factors
from runner.compare.result import Result
from runner.compare.score import TEST_ACCURACY, RankingScore, score_of
from runner.records.names import level_names, without_common_folder

# An override begins with a key of the recipe after a blank; there may be blanks within its quoted value.
_BEFORE_OVERRIDE = re.compile(
    r"\s+(?=[+~]{0,2}(?:recipe\.)?(?:description|data|model|training|layers|export)(?:[.=]|$|\s))"
)


@dataclass(frozen=True)
class Group:
    """The runs of one recipe, or of one variation of it, over seeds.

    Args:
        name: What tells it from the other groups: its levels, such as `polynomial sparsity=0.9`.
        cell: Its level of each factor, in the order of the factors.
        variation: The recipe's name and everything that the command line changed in it.
        results: One per seed, by seed, each with a result that counts.
        lost: The runs of other seeds, by seed, that have none: they began, and failed.
        score: What ranks it.
    """

    name: str
    cell: Cell
    variation: str
    results: tuple[Result, ...]
    lost: tuple[Result, ...] = ()
    score: RankingScore = TEST_ACCURACY

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
    def scores(self) -> dict[int, float]:
        """Its scores by seed."""
        return self.by_seed_of(self.score.metric)

    @cached_property
    def lost_reasons(self) -> dict[int, str]:
        """Why seeds that were run have no score, by seed: the run failed, or has not measured the score."""
        unmeasured = {seed: f"no {self.score.metric}" for seed in self.seeds if seed not in self.scores}
        return {**{run.seed: run.failure or "" for run in self.lost}, **unmeasured}

    def by_seed_of(self, metric: str) -> dict[int, float]:
        """Returns a metric of every seed that has it, as a finite number."""
        found = {result.seed: result.metrics.get(metric, math.nan) for result in self.results}
        return {seed: value for seed, value in found.items() if math.isfinite(value)}

    def values(self, metric: str) -> list[float]:
        """Returns a metric of every seed that has it, by seed."""
        return list(self.by_seed_of(metric).values())


@dataclass(frozen=True)
class FailedGroup:
    """Runs that differ in nothing but their seed, of which none has a result that counts.

    Args:
        name: As of a group.
        cell: As of a group.
        seeds: Theirs, ascending.
        reason: Why the first of them has no result.
    """

    name: str
    cell: Cell
    seeds: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Grouped:
    """Runs put into groups.

    Args:
        groups: In the order in which each first appears.
        failed: Those without any result.
        factors: What they differ in, failed ones among them.
        superseded: The runs that were left out because a later one of the same group has the same seed.
    """

    groups: tuple[Group, ...]
    failed: tuple[FailedGroup, ...]
    factors: tuple[Factor, ...]
    superseded: tuple[Result, ...]


def make_groups(results: Sequence[Result], score: RankingScore | None = None) -> Grouped:
    """Puts runs together that differ in nothing but their seed, however the command line put them.

    Args:
        results: Runs that have ended, in the order their groups shall have. Where no seed of a group has a
            result that counts there is no group.
        score: What ranks them; None is what `score_of` says of each.
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
    barren = [tuple(own[seed] for seed in sorted(own)) for key, own in lost.items() if key not in kept]
    everyone = members + barren
    variations = [_words(own) for own in everyone]
    factors, cells = _cells([own[0] for own in everyone], variations)
    names = _names(factors, cells, [own[0].recipe for own in everyone])
    count = len(members)
    groups = [
        Group(name, cell, words, own, failed_too, score or score_of(own))
        for name, cell, words, own, failed_too in zip(
            names[:count], cells[:count], variations[:count], members, without, strict=True
        )
    ]
    empty = [
        FailedGroup(name, cell, tuple(one.seed for one in own), own[0].failure or "")
        for name, cell, own in zip(names[count:], cells[count:], barren, strict=True)
    ]
    return Grouped(tuple(groups), tuple(empty), factors, tuple(superseded))


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


def _cells(firsts: Sequence[Result], variations: Sequence[str]) -> tuple[tuple[Factor, ...], list[Cell]]:
    """Finds the factors, and the cell of each group by one of its runs."""
    swept = [_key(part) for words in variations for part in _BEFORE_OVERRIDE.split(words.strip())[1:]]
    recipes = without_common_folder([one.recipe for one in firsts])
    said = [{**_said(one, firsts), RECIPE: name} for one, name in zip(firsts, recipes, strict=True)]
    factors = find_factors(said, swept)
    cells = [cell_of(own, factors) for own in said]
    if len(set(cells)) < len(cells):  # What tells them apart was not logged, but sums are.
        said = [{**own, "fingerprint": _sum(one)} for own, one in zip(said, firsts, strict=True)]
        factors = find_factors(said, swept)
        cells = [cell_of(own, factors) for own in said]
    return factors, cells


def _said(result: Result, beside: Sequence[Result]) -> dict[str, str]:
    """Returns all in which groups may differ, by key: what was asked, on what data, computed with what."""
    environment = {f"environment.{name}": value for name, value in (result.environment or {}).items()}
    files = {f"content of model.{key}": value[:8] for key, value in (result.files or {}).items()}
    known = {"data": data_words(result, beside)} if result.data_sha256 is not None else {}
    return {**result.asked, **known, **files, **environment}


def _sum(result: Result) -> str:
    return (result.group_fingerprint or result.recipe_hash or result.variation)[:12]


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].removeprefix("recipe.")


def _names(factors: Sequence[Factor], cells: Sequence[Cell], recipes: Sequence[str]) -> list[str]:
    """Names groups by their levels; where nothing was varied, by the recipe."""
    if not factors:
        return list(recipes)
    levels = [tuple(cell[place] for cell in cells) for place in range(len(factors))]
    return list(level_names([factor.key for factor in factors], levels))


def data_words(result: Result, beside: Sequence[Result] = ()) -> str:
    """Names a run's data; with its content's hash where others beside it have the same source.

    Args:
        result: The run.
        beside: The runs from whose data its own is to be told.
    """
    source = result.data_source or "unknown data"
    alike = {one.data_sha256 for one in beside if one.data_source == result.data_source}
    return f"{source} {(result.data_sha256 or 'without hash')[:8]}" if len(alike) > 1 else source

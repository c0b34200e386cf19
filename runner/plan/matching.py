"""Which rule has which layer: the last one that matches."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import tf_keras

from runner.process.errors import UserError, did_you_mean
from runner.process.wording import shown
from runner.pruning.prunable import is_prunable
from runner.recipe.pattern import fits, fits_any, plain
from runner.recipe.recipe import Rule

Layer: TypeAlias = tf_keras.layers.Layer


@dataclass(frozen=True)
class NamedLayer:
    """A layer of a model, nested models entered; its name is `outer/inner` there.

    Args:
        name: Where it is found first; plan and tables name it so.
        layer: The layer.
        aliases: Its names in other nested models that share it. Patterns may name it by any of them.
    """

    name: str
    layer: Layer
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return self.name, *self.aliases

    @property
    def kind(self) -> str:
        """The layer's class."""
        return type(self.layer).__name__

    @property
    def prunable(self) -> bool:
        """Whether it has weights that can be pruned."""
        return is_prunable(self.layer)


@dataclass(frozen=True)
class Match:
    """A layer, the rule that has it (None: none does), and the earlier rules that matched it too."""

    layer: NamedLayer
    rule: Rule | None
    overridden: tuple[Rule, ...]


def named_layers(model: tf_keras.Model) -> list[NamedLayer]:
    """Lists a model's layers in order, those of nested models by their path; each layer once."""
    names: dict[int, tuple[Layer, list[str]]] = {}
    for name, layer in _paths(model, ""):
        names.setdefault(id(layer), (layer, []))[1].append(name)
    return [NamedLayer(first, layer, tuple(others)) for layer, (first, *others) in names.values()]


def _paths(model: tf_keras.Model, prefix: str) -> Iterator[tuple[str, Layer]]:
    for layer in model.layers:
        if isinstance(layer, tf_keras.Model):
            yield from _paths(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, tf_keras.layers.InputLayer):
            yield prefix + layer.name, layer


def match_rules(rules: Sequence[Rule], layers: Sequence[NamedLayer]) -> list[Match]:
    """Gives every layer to the last rule that matches it.

    Raises:
        UserError: Listing every rule that matches nothing, or whose layers later rules all have.
    """
    problems = [problem for rule in rules for problem in _unmatched(rule, layers)]
    matches = []
    for layer in layers:
        fitting = [rule for rule in rules if matches_layer(rule, layer)]
        matches.append(Match(layer, fitting[-1] if fitting else None, tuple(fitting[:-1])))
    for rule in rules:
        lost = [match for match in matches if rule in match.overridden and match.layer.prunable]
        kept = any(match.rule is rule and match.layer.prunable for match in matches)
        if lost and not kept:
            takers = sorted({match.rule.key for match in lost if match.rule is not None})
            problems.append(
                f"recipe.layers.{rule.key}: every layer it matches ({listed(m.layer.name for m in lost)})"
                f" goes to a later rule ({', '.join(takers)}), and the last rule that matches has the layer."
                " Put the general rule first, or remove this one."
            )
    if problems:
        raise UserError("\n".join(problems))
    return matches


def matches_layer(rule: Rule, layer: NamedLayer) -> bool:
    """Tells whether a rule's targets, ignore and types let it have this layer."""
    return (
        any(fits_any(rule.targets, name) for name in layer.names)
        and not any(fits_any(rule.ignore, name) for name in layer.names)
        and (not rule.types or layer.kind in rule.types)
    )


def _unmatched(rule: Rule, layers: Sequence[NamedLayer]) -> list[str]:
    """Says which of a rule's patterns match nothing, and why the whole rule does not."""
    where = f"recipe.layers.{rule.key}"
    prunable = [layer.name for layer in layers if layer.prunable]
    names = [name for layer in layers for name in layer.names]
    ending = f" Layers that can be pruned: {listed(prunable)}."
    problems = [
        f"{where}.{key}: no layer is called {shown(pattern)}.{did_you_mean(plain(pattern), names)}{ending}"
        for key, patterns in (("targets", rule.targets), ("ignore", rule.ignore))
        for pattern in patterns
        if not any(fits(pattern, name) for name in names)
    ]
    kinds = sorted({layer.kind for layer in layers})
    problems += [
        f"{where}.types: the model has no {kind}.{did_you_mean(kind, kinds)} It has {', '.join(kinds)}."
        for kind in rule.types
        if kind not in kinds
    ]
    if problems:
        return problems
    matched = [layer for layer in layers if matches_layer(rule, layer)]
    if not matched:
        narrowed = " and ".join(key for key in ("ignore", "types") if getattr(rule, key))
        return [
            f"{where}: targets {', '.join(rule.targets)} match nothing once {narrowed} are applied.{ending}"
        ]
    if rule.prune and not any(layer.prunable for layer in matched):
        which = listed(f"{layer.name} ({layer.kind})" for layer in matched)
        return [f"{where}: it matches only layers without weights that can be pruned: {which}.{ending}"]
    return []


def listed(names: Iterable[str], most: int = 12) -> str:
    """Joins the first few names for a message, and says how many more there are."""
    every = list(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "") or "none"

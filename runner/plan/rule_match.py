"""Which rule has which layer: the last one that matches."""

from collections.abc import Sequence
from dataclasses import dataclass

from runner.plan.named_layers import NamedLayer, listed
from runner.process.errors import UserError, did_you_mean
from runner.process.wording import shown
from runner.recipe.pattern import fits, fits_any, plain
from runner.recipe.recipe import Rule


@dataclass(frozen=True)
class RuleMatch:
    """A layer, the rule that has it (None: none does), and the earlier rules that matched it too."""

    layer: NamedLayer
    rule: Rule | None
    overridden: tuple[Rule, ...]


def match_rules(rules: Sequence[Rule], layers: Sequence[NamedLayer]) -> list[RuleMatch]:
    """Gives every layer to the last rule that matches it.

    Raises:
        UserError: Listing every rule that matches nothing, or whose layers later rules all have.
    """
    problems = [problem for rule in rules for problem in _unmatched(rule, layers)]
    matches = []
    for layer in layers:
        fitting = [rule for rule in rules if matches_layer(rule, layer)]
        matches.append(RuleMatch(layer, fitting[-1] if fitting else None, tuple(fitting[:-1])))
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

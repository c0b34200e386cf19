"""Makes the plan: rules and a built model in, one row per weight tensor out, with every diagnosis."""

import math
from collections.abc import Sequence

import tf_keras

from runner.plan.named_layers import listed, named_layers
from runner.plan.plan import Plan, PlannedWeight
from runner.plan.rule_match import RuleMatch, match_rules
from runner.plan.schedule_builders import build_schedule
from runner.process.errors import UserError
from runner.process.wording import counted, shown
from runner.pruning.prunable import PrunableWeight, prunable_weights
from runner.pruning.schedules import PruningSchedule
from runner.pruning.structures import Block, MByN, Structure, Unstructured
from runner.pruning.wrapper import default_schedule
from runner.recipe.recipe import Rule

_MOST_STEPS = 100_000_000  # A hundred times what the longest trainings of image models take.


def make_plan(
    rules: Sequence[Rule], model: tf_keras.Model, *, samples: int, batch_size: int, epochs: int
) -> Plan:
    """Resolves a recipe's rules against a built model.

    Args:
        rules: In the recipe's order; the last one that matches a layer has it.
        model: The model that will be wrapped.
        samples: Training samples, without those held out for validation.
        batch_size: Samples in a training step.
        epochs: Passes over the samples.

    Raises:
        UserError: One message with everything that is wrong: rules that match nothing, are wholly
            overridden, never fire, or can zero nothing though they ask to; steps beyond training.
    """
    steps_per_epoch = math.ceil(samples / batch_size)
    total_steps = steps_per_epoch * epochs
    if total_steps > _MOST_STEPS:
        raise UserError(
            f"recipe.training.epochs: {epochs:,} epochs of {counted(steps_per_epoch, 'step')} are"
            f" {total_steps:,} training steps; {_MOST_STEPS:,} are the most"
        )
    matches = match_rules(rules, named_layers(model))
    problems: list[str] = []
    schedules: dict[str, PruningSchedule | None] = {}
    for rule in rules:
        try:
            schedules[rule.key] = _schedule(rule, steps_per_epoch, total_steps)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    rows: list[PlannedWeight] = []
    for match in matches:
        rows += _rows(match, schedules, total_steps)
    problems = _row_problems(rules, rows)
    if problems:
        raise UserError("\n".join(problems))
    return Plan(tuple(rows), tuple(_warnings(rows)), steps_per_epoch, total_steps)


def structure_of(rule: Rule) -> Structure | None:
    """Returns the structure that a rule asks for; None where it leaves its layers dense."""
    if not rule.prune:
        return None
    if rule.block is not None:
        return Block(rule.block.inputs, rule.block.outputs, rule.block.pooling)
    return Unstructured() if rule.m_by_n is None else MByN(*rule.m_by_n, axis=rule.m_by_n_axis)


def _schedule(rule: Rule, steps_per_epoch: int, total_steps: int) -> PruningSchedule | None:
    structure = structure_of(rule)
    if structure is None:
        return None
    if rule.schedule is None:
        return default_schedule(structure)
    sparsity = rule.schedule.sparsity
    if sparsity is None:
        assert rule.m_by_n is not None, "the schema asks every other rule for a sparsity"
        sparsity = rule.m_by_n[0] / rule.m_by_n[1]
    where = f"recipe.layers.{rule.key}.schedule"
    return build_schedule(
        rule.schedule, sparsity, where=where, steps_per_epoch=steps_per_epoch, total_steps=total_steps
    )


def _rows(
    match: RuleMatch, schedules: dict[str, PruningSchedule | None], total_steps: int
) -> list[PlannedWeight]:
    rule, layer = match.rule, match.layer
    rows = []
    for weight in prunable_weights(layer.layer) if layer.prunable else []:
        reason = _dense_reason(rule, layer.layer, weight)
        rows.append(
            PlannedWeight(
                layer=layer.name,
                layer_type=layer.kind,
                weight=weight.name,
                shape=weight.shape,
                kernel_shape=weight.kernel_shape,
                rule=None if rule is None else rule.key,
                overridden=tuple(earlier.key for earlier in match.overridden),
                structure=None if reason or rule is None else structure_of(rule),
                schedule=None if reason or rule is None else schedules[rule.key],
                importance="magnitude" if rule is None else rule.importance,
                total_steps=total_steps,
                reason=reason,
            )
        )
    if not rows and layer.layer.weights and rule is not None and rule.prune:
        # Reported, never silently skipped; without a rule it was not to be pruned.
        reason = f"{layer.kind} has no weights that can be pruned"
        shape = tuple(layer.layer.weights[0].shape)
        rows.append(PlannedWeight(layer.name, layer.kind, "-", shape, shape, rule.key, reason=reason))
    return rows


def _dense_reason(rule: Rule | None, layer: tf_keras.layers.Layer, weight: PrunableWeight) -> str | None:
    if rule is None:
        return "no rule matches"
    if not rule.prune:
        return "prune: false"
    if rule.weights and weight.name not in rule.weights:
        return f"not among weights: {', '.join(rule.weights)}"
    return None if layer.trainable else "frozen (trainable is false)"


def _row_problems(rules: Sequence[Rule], rows: Sequence[PlannedWeight]) -> list[str]:
    problems = []
    for rule in rules:
        problems += _rule_problems(rule, [row for row in rows if row.rule == rule.key])
    return problems


def _rule_problems(rule: Rule, own: Sequence[PlannedWeight]) -> list[str]:
    where = f"recipe.layers.{rule.key}"
    names = sorted({row.weight for row in own if row.weight != "-"})
    problems = [
        f"{where}.weights: its layers have no prunable weight {shown(name)}; they have {', '.join(names)}."
        for name in rule.weights
        if name not in names
    ]
    pruned = [row for row in own if row.pruned]
    if rule.prune and not pruned and not problems:
        reasons = ", ".join(f"{row.layer}: {row.reason}" for row in own)
        problems.append(f"{where}: it can zero nothing ({reasons}).")
    found = (problem for row in pruned if (problem := _row_problem(where, row)))
    return [*problems, *dict.fromkeys(found)]  # What is wrong with the schedule is so for every row.


def _row_problem(where: str, row: PlannedWeight) -> str | None:
    assert row.structure is not None
    place = f"{where}: {row.layer}, {row.weight} {list(row.shape)}"
    problem = row.structure.problem(row.kernel_shape)
    if problem:
        return f"{place}: {problem}. Choose another structure or axis, or ignore the layer."
    if not row.updates:
        return f"{where}.schedule: it never fires in the {row.total_steps} training steps."
    if row.sparsity > 0 and row.planned_zeros == 0:
        asked = f"{row.sparsity:.4g} of {row.size} weights"
        return f"{place}: {asked} rounds to no zero at all. Ask for more, or ignore the layer."
    return None


def _warnings(rows: Sequence[PlannedWeight]) -> list[str]:
    """Says what is true of several layers once."""
    layers: dict[str, list[str]] = {}
    for row in rows:
        if not isinstance(row.structure, MByN):
            continue
        label, n = row.structure.label, row.structure.n
        if row.structure.axis == "auto" and row.axis == "flattened":
            channels = row.kernel_shape[-2]
            words = (
                f"{counted(channels, 'input channel')} {'is' if channels == 1 else 'are'} no multiple of {n},"
                f" so {label} runs along the flattened row;"
                " hardware that pads channels will not see it there."
            )
            layers.setdefault(words, []).append(row.layer)
        if not row.promised:
            words = f"sparsity {row.sparsity:.4g} is below {row.structure.m}/{n}"
            layers.setdefault(f"{words}, so the pattern {label} is not promised.", []).append(row.layer)
    return [f"{listed(dict.fromkeys(names), most=4)}: {words}" for words, names in layers.items()]

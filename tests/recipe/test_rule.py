from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.rule import Rule, plain_rule, read_rules
from runner.recipe.schedule import Schedule, beyond_training
from runner.recipe.section import Problem, Section
from runner.recipe.steps import StepSpec


def test_reads_rules_in_order_and_notes_the_bad_ones() -> None:
    problems: list[Problem] = []
    layers = {"first": {"m_by_n": "1x4"}, "second": {"m_by_n": "5x4"}, "third": {"prune": False}}

    rules = read_rules(Section(layers, "recipe.layers", problems))

    assert rules == (Rule("first", ("first",), m_by_n=(1, 4)), None, Rule("third", ("third",), prune=False))
    assert [problem.key for problem in problems] == ["recipe.layers.second.m_by_n"]


def test_plain_rule_has_every_key() -> None:
    schedule = Schedule("polynomial", 0.5, StepSpec(0.2, "share"), StepSpec(3, "epochs"), 7, {"power": 2})

    assert plain_rule(Rule("r", ("re:a.*", "b"), ("c",), ("Dense",), ("kernel",), schedule=schedule)) == {
        "targets": ["re:a.*", "b"],
        "ignore": ["c"],
        "types": ["Dense"],
        "weights": ["kernel"],
        "prune": True,
        "m_by_n": None,
        "m_by_n_axis": "auto",
        "block": None,
        "importance": "magnitude",
        "schedule": {
            "name": "polynomial",
            "sparsity": 0.5,
            "begin_step": "20%",
            "end_step": "3ep",
            "frequency": 7,
            "power": 2,
        },
    }


@pytest.mark.parametrize("structure", [{}, {"m_by_n": "2x4"}, {"block": {"in": 4, "out": 1}}])
def test_importance_goes_with_every_structure_and_reads_back(structure: dict[str, Any]) -> None:
    schedule = {"name": "constant", "sparsity": 0.5}
    problems: list[Problem] = []
    [rule] = read_rules(
        Section({"r": {"importance": "random", "schedule": schedule, **structure}}, "recipe.layers", problems)
    )

    assert rule is not None
    assert (rule.importance, problems) == ("random", [])
    assert read_rules(Section({"r": plain_rule(rule)}, "recipe.layers", problems)) == (rule,)
    [default] = read_rules(Section({"r": {"importance": None, "m_by_n": "2x4"}}, "recipe.layers", problems))
    assert default is not None
    assert default.importance == "magnitude"


def test_beyond_training_knows_epochs_and_shares_but_not_steps() -> None:
    def wrong(begin: object, end: object) -> list[str]:
        schedule = Schedule("constant", 0.5, StepSpec.parse(begin), StepSpec.parse(end))
        return list(beyond_training(schedule, epochs=2))

    assert wrong("1ep", "2ep") == []
    assert wrong("1ep", "100%") == []
    assert wrong("3ep", "4ep") == ["begin_step", "end_step"]
    assert wrong("1.5ep", "50%") == ["begin_step"]
    assert wrong(10**6, "1ep") == []
    assert beyond_training(None, epochs=2) == {}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "prunes nothing: give it m_by_n, a schedule, or prune: false"),
        ({"m_by_n": (4, 4)}, "m_by_n is 4x4"),
        (
            {"m_by_n": (2, 4), "m_by_n_axis": "rows"},
            "m_by_n_axis is 'rows', but must be one of auto, input_ch",
        ),
        ({"m_by_n": (2, 4), "prune": False}, "prune is false, so the rule cannot have m_by_n"),
        (
            {"m_by_n": (2, 4), "schedule": Schedule("constant", 0.6)},
            "schedule.sparsity is 0.6, above the 0.5",
        ),
        ({"schedule": Schedule("constant")}, "schedule.sparsity is missing"),
        (
            {"m_by_n": (2, 4), "importance": "rondom"},
            "importance is 'rondom', but must be one of magnitude, random. Did you mean 'random'?",
        ),
        ({"prune": False, "importance": "random"}, "prune is false, so the rule cannot have importance"),
    ],
)
def test_refuses_when_made(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as refused:
        Rule("r", ("a",), **fields)

    assert told in str(refused.value)

from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.recipe import Recipe
from runner.recipe.rule import Rule, ScheduleSettings, beyond_training
from runner.recipe.section import plain
from runner.recipe.steps import StepSpec


def read(layers: dict[str, Any]) -> tuple[Rule, ...]:
    rest = {"model": {"name": "mnist_cnn"}, "training": {"epochs": 1, "batch_size": 1}}
    return Recipe.from_mapping({**rest, "layers": layers}, name="r", source="r.yaml").layers


def test_reads_rules_in_order_and_finds_the_bad_ones() -> None:
    layers: dict[str, Any] = {
        "first": {"m_by_n": "1x4"},
        "second": {"m_by_n": "5x4"},
        "third": {"prune": False},
    }

    with pytest.raises(UserError, match=r"^r\.yaml: recipe\.layers\.second\.m_by_n is 5x4.*$"):
        read(layers)

    del layers["second"]
    assert read(layers) == (Rule("first", ("first",), m_by_n=(1, 4)), Rule("third", ("third",), prune=False))


def test_a_rule_takes_its_name_from_where_it_is_written() -> None:
    with pytest.raises(UserError, match=r"^r\.yaml: recipe\.layers\.a\.key is unknown"):
        read({"a": {"key": "b", "m_by_n": "1x4"}})


def test_plain_rule_has_every_key() -> None:
    schedule = ScheduleSettings(
        "polynomial", 0.5, StepSpec(0.2, "share"), StepSpec(3, "epochs"), 7, {"power": 2}
    )

    assert plain(Rule("r", ("re:a.*", "b"), ("c",), ("Dense",), ("kernel",), schedule=schedule)) == {
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
    [rule] = read({"r": {"importance": "random", "schedule": schedule, **structure}})

    assert rule.importance == "random"
    assert read({"r": plain(rule)}) == (rule,)
    [default] = read({"r": {"importance": None, "m_by_n": "2x4"}})
    assert default.importance == "magnitude"


def test_beyond_training_knows_epochs_and_shares_but_not_steps() -> None:
    def wrong(begin: object, end: object) -> list[str]:
        schedule = ScheduleSettings("constant", 0.5, StepSpec.parse(begin), StepSpec.parse(end))
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
            {"m_by_n": (2, 4), "schedule": ScheduleSettings("constant", 0.6)},
            "schedule.sparsity is 0.6, above the 0.5",
        ),
        ({"schedule": ScheduleSettings("constant")}, "schedule.sparsity is missing"),
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

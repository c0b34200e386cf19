import pytest

from runner.recipe.misspelled import with_rule_hints


@pytest.mark.parametrize(
    ("message", "overrides", "hint"),
    [
        (
            "recipe.layers.first_cnv.schedule.name is missing",
            ["recipe.layers.first_cnv.schedule.sparsity"],
            "The recipe mnist_2x4 has no rule 'first_cnv'. Did you mean 'first_conv'?",
        ),
        ("recipe.layers.first_conv.m_by_n is wrong", ["recipe.layers.first_conv.m_by_n"], None),
        ("recipe.layers.other.m_by_n is wrong", ["recipe.layers.other.m_by_n"], None),
        ("recipe.training.epochs is wrong", ["recipe.layers.first_cnv.m_by_n"], None),
        ("recipe.layers.first_cnv is wrong", [], None),
    ],
)
def test_the_hint_stands_where_it_helps(message: str, overrides: list[str], hint: str | None) -> None:
    expected = message if hint is None else f"{message}\n{hint}"
    assert with_rule_hints(message, "mnist_2x4", overrides) == expected


def test_without_a_rule_in_the_message_no_recipe_is_looked_for() -> None:
    message = "recipe=null names no single recipe"
    assert with_rule_hints(message, "null", ["recipe.layers.a.m_by_n"]) == message

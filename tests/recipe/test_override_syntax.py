"""The syntax of overrides."""

import pytest

from runner.recipe.override_syntax import override_key, parse_override


@pytest.mark.parametrize(
    ("override", "key", "parsed"),
    [
        ("seed=1", "seed", ("seed", "1")),
        ("+recipe.model.units=8", "recipe.model.units", ("model.units", "8")),
        ("++recipe.a.b=x=y", "recipe.a.b", ("a.b", "x=y")),
        ("~recipe.a", "recipe.a", ("a", "")),
        ("recipe.model.path='a b.keras'", "recipe.model.path", ("model.path", "a b.keras")),
        ('recipe.model.path="c"', "recipe.model.path", ("model.path", "c")),
        ("recipe.model.path='", "recipe.model.path", ("model.path", "'")),
    ],
)
def test_an_override_is_a_key_and_a_value(override: str, key: str, parsed: tuple[str, str]) -> None:
    assert override_key(override) == key
    assert parse_override(override) == parsed

from collections.abc import Callable
from typing import Any

import pytest

from runner.process.errors import UserError
from runner.recipe.registry import Registry


@pytest.fixture
def shapes() -> Registry[Callable[..., Any]]:
    registry: Registry[Callable[..., Any]] = Registry("shape", supplied=("number",))

    @registry.register("square")
    def square(*, side: float, colour: str = "red", number: int) -> tuple[float, str, int]:
        return side, colour, number

    @registry.register("circle")
    def circle() -> float:
        return 1.0

    return registry


def test_entries_are_found_by_name(shapes: Registry[Callable[..., Any]]) -> None:
    assert shapes.names() == ["circle", "square"]
    assert shapes.get("square", where="recipe.shape")(side=2, number=4) == (2, "red", 4)


def test_an_unknown_name_lists_what_there_is(shapes: Registry[Callable[..., Any]]) -> None:
    with pytest.raises(UserError) as caught:
        shapes.get("squar", where="recipe.shape.name")
    message = str(caught.value)
    assert message.startswith("recipe.shape.name: there is no shape 'squar'. Did you mean 'square'?")
    assert "circle, square" in message


def test_a_name_cannot_be_taken_twice(shapes: Registry[Callable[..., Any]]) -> None:
    def other() -> None: ...

    with pytest.raises(UserError, match="shape 'circle' is registered twice"):
        shapes.register("circle")(other)
    assert shapes.get("circle", where="")() == 1.0


def test_a_module_that_is_reloaded_registers_again(shapes: Registry[Callable[..., Any]]) -> None:
    def define() -> Callable[[], int]:
        @shapes.register("triangle")
        def triangle() -> int:
            return 3

        return triangle

    define()
    again = define()
    assert shapes.get("triangle", where="") is again


def test_arguments_are_checked_against_the_signature(shapes: Registry[Callable[..., Any]]) -> None:
    def check(**given: Any) -> dict[str, Any]:
        return shapes.arguments("square", given, where="recipe.shape")

    assert check(side=3, colour="blue") == {"side": 3, "colour": "blue"}
    with pytest.raises(
        UserError, match=r"^recipe\.shape\.color: .* Did you mean 'colour'\? It takes: colour, side"
    ):
        check(side=3, color="blue")
    with pytest.raises(UserError, match=r"recipe\.shape\.number: .* It takes: colour, side\.$"):
        check(side=3, number=1)
    with pytest.raises(UserError, match=r"^recipe\.shape: shape 'square' needs side\."):
        check()


def test_arguments_of_a_callable_without_any(shapes: Registry[Callable[..., Any]]) -> None:
    assert shapes.arguments("circle", {}, where="recipe.shape") == {}
    with pytest.raises(UserError, match="It takes no arguments"):
        shapes.arguments("circle", {"radius": 1}, where="recipe.shape")


def test_any_keyword_passes_where_the_callable_takes_any(shapes: Registry[Callable[..., Any]]) -> None:
    @shapes.register("any")
    def anything(*, side: int = 1, **rest: int) -> int:
        return side + sum(rest.values())

    given = shapes.arguments("any", {"a": 2, "b": 3}, where="recipe.shape")
    assert shapes.get("any", where="")(**given) == 6


def test_tells_what_an_entry_takes(shapes: Registry[Callable[..., Any]]) -> None:
    assert shapes.takes("square", "colour", where="recipe.shape")
    assert not shapes.takes("circle", "colour", where="recipe.shape")
    with pytest.raises(UserError, match=r"recipe\.shape: there is no shape 'squar'"):
        shapes.takes("squar", "colour", where="recipe.shape")
    shapes.register("any")(lambda **anything: anything)
    assert shapes.takes("any", "colour", where="recipe.shape")

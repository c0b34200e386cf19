import pytest

from runner.cli.command_line import check_arguments
from runner.process.errors import UserError


def test_ordinary_arguments_pass() -> None:
    check_arguments(
        ["--cfg", "job", "recipe.layers.a={b: [1, {c: 'd(e)'}]}", "seed=" + ",".join(["1"] * 9_000)]
    )
    check_arguments(["recipe.description=two\nlines", "recipe.layers.a.targets='re:(a|b)+'"])


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("a=\x1b[31m", "'a=\\x1b[31m': the argument holds the control character U+001B"),
        ("\udcff=1", "'\\udcff=1': the argument holds the control character U+DCFF"),
        ("a=" + "x" * 70_000, "an argument has at most 65,536 characters; this one has 70,002"),
        ("a=" + "{b: [" * 20, "the argument nests deeper than 32 levels"),
        ("a" * 9 + ".b" * 40 + "=1", "the argument nests deeper than 32 levels"),
        ("a=[1" + "0" * 400 + "]", "the argument holds a number of 401 digits"),
    ],
)
def test_what_nobody_means_is_refused(argument: str, told: str) -> None:
    with pytest.raises(UserError) as refused:
        check_arguments(["seed=1", argument])

    assert told in str(refused.value)
    assert len(str(refused.value)) < 200

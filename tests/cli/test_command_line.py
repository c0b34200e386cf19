import pytest

from runner.cli.command_line import arranged, check_arguments
from runner.process.errors import UserError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["recipe=a,b", "--multirun", "seed=1,2"], ["--multirun", "recipe=a,b", "seed=1,2"]),
        (["recipe=a", "-m"], ["-m", "recipe=a"]),
        (["seed=1", "--cfg", "job", "~recipe.x", "+a=1"], ["--cfg", "job", "seed=1", "~recipe.x", "+a=1"]),
        (["seed=1", "-p", "hydra", "--cfg=all", "seed=2"], ["-p", "hydra", "--cfg=all", "seed=1", "seed=2"]),
        (["-sc", "query=bash"], ["-sc", "query=bash"]),
        (["seed=1", "seed=1", "-m", "seed=1"], ["-m", "seed=1", "seed=1", "seed=1"]),
    ],
)
def test_options_come_first_and_overrides_keep_their_order(given: list[str], expected: list[str]) -> None:
    assert arranged(given) == expected


def test_an_unknown_option_ends_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arranged(["seed=1", "--nope"])
    assert "unrecognized arguments: --nope" in capsys.readouterr().err


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

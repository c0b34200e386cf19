import random
import time
from fnmatch import fnmatchcase

import pytest

from runner.recipe.pattern import fits, fits_any, pattern_problem, plain


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("conv_1", "conv_1", True),
        ("conv_1", "conv_12", False),
        ("conv*", "conv_1/inner", True),
        ("Conv*", "conv_1", False),
        ("conv_[12]", "conv_2", True),
        (r"re:conv_\d", "conv_1", True),
        (r"re:conv_\d", "conv_12", False),
        ("re:.*dense", "a/dense", True),
    ],
)
def test_a_pattern_fits_the_whole_name(pattern: str, name: str, expected: bool) -> None:
    assert fits(pattern, name) is expected
    assert fits_any(["nothing", pattern], name) is expected


def test_a_bad_expression_is_told_and_a_glob_is_never_bad() -> None:
    assert pattern_problem(["re:(", "x"]) == ("has 're:(', which is no regular expression: missing ): (")
    assert pattern_problem(["(", "re:.*"]) is None


@pytest.mark.parametrize(
    "pattern", [r"(\w+)+!", "(a|a)*b", "(a*)*b", "(.*a){25}b", "(" * 200 + "a" + ")*" * 200 + "!"]
)
def test_a_name_is_matched_in_linear_time(pattern: str) -> None:
    began = time.perf_counter()

    assert not fits(f"re:{pattern}", "a" * 48)
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", "(?!a)b", "(?<=a)b", r"(a)\1", "(?P<n>a)(?P=n)", "(?>a)", "a++"]
)
def test_what_no_linear_engine_knows_is_said(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    told = pattern_problem([f"re:{pattern}"])

    assert told is not None
    assert "which is no regular expression" in told
    assert "lookaround, references to groups" in told
    assert capfd.readouterr() == ("", ""), "RE2 would write lines of its own"


def test_a_pattern_has_a_limit() -> None:
    assert pattern_problem(["*a" * 500]) is None
    assert pattern_problem(["*a" * 501]) == (
        "has a pattern of 1,002 characters; 1,000 are the most: " + repr("*a" * 501)[:57] + "..."
    )


def test_globs_are_those_of_python() -> None:
    lots = random.Random(0)
    for _ in range(5_000):
        glob = "".join(lots.choices("ab*?[]!-^\\.{", k=lots.randint(0, 7)))
        name = "".join(lots.choices("ab]-^[!\\.{\n", k=lots.randint(0, 5)))
        assert fits(glob, name) is fnmatchcase(name, glob), (glob, name)


def test_what_makes_a_pattern_is_taken_away() -> None:
    assert plain("re:^conv.*$") == "conv."
    assert plain("dense_[12]*") == "dense_12"

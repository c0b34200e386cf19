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
    assert pattern_problem(["re:(", "x"]) == (
        "has 're:(', which is no regular expression: missing ), unterminated subpattern at position 0"
    )
    assert pattern_problem(["(", "re:.*"]) is None


def test_what_makes_a_pattern_is_taken_away() -> None:
    assert plain("re:^conv.*$") == "conv."
    assert plain("dense_[12]*") == "dense_12"

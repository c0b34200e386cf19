import pytest

from runner.tracking.limits import MAX_NAME, Names, cut, flattened, sanitized


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train/loss", "train/loss"),
        ("sparsity/conv 1.a-b:0", "sparsity/conv 1.a-b:0"),
        ("sparsity/conv[0](x)=1,*^", "sparsity/conv_0__x__1___"),
        ("größe", "gr__e"),
        ("/a//b/../c/.", "a/b/c"),
        ("..", "_"),
        ("", "_"),
        ("x" * 300, "x" * MAX_NAME),
    ],
)
def test_names_are_brought_to_mlflows_alphabet(name: str, expected: str) -> None:
    assert sanitized(name) == expected


def test_two_names_never_become_one_and_keep_what_they_got() -> None:
    names = Names()
    assert [names(name) for name in ("a[0]", "a(0)", "a[0]", "a*0+", "a_0_")] == [
        "a_0_",
        "a_0__2",
        "a_0_",
        "a_0__3",
        "a_0__4",
    ]
    longest = names("y" * 400), names("y" * 401)
    assert longest == ("y" * MAX_NAME, "y" * (MAX_NAME - 2) + "_2")


def test_nested_mappings_are_flattened_with_dots() -> None:
    recipe = {
        "seed": 7,
        "data": {"name": "mnist", "path": None, "arguments": {}},
        "layers": {"all": {"targets": ["a", "re:b.*"], "prune": True, "schedule": {"sparsity": 0.5}}},
    }
    assert dict(flattened(recipe)) == {
        "seed": "7",
        "data.name": "mnist",
        "data.path": "null",
        "data.arguments": "{}",
        "layers.all.targets": '["a", "re:b.*"]',
        "layers.all.prune": "true",
        "layers.all.schedule.sparsity": "0.5",
    }


@pytest.mark.parametrize(("text", "expected"), [("abcdef", "abcdef"), ("abcdefg", "abc..."), ("", "")])
def test_what_is_cut_says_so(text: str, expected: str) -> None:
    assert cut(text, 6) == expected

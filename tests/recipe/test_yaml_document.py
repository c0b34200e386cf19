import time
from pathlib import Path

import pytest
import yaml

from runner.recipe.yaml_document import MOST_BYTES, TooLarge, compose, read_document, scalar


def doubled(times: int, wrap: str = "[{0}, {0}]") -> str:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} " + wrap.format(f"*a{n - 1}") for n in range(1, times)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (doubled(30), "characters"),
        (doubled(30, "{{b: {0}, c: {0}}}"), "characters"),
        (doubled(30, "{{b: {0}, <<: {{c: {0}}}}}"), "characters"),
        ("a: &a " + "x" * 5_000 + "\nb: [" + "*a, " * 50 + "]\n", "more than the 100,000 characters"),
        ("a: " + "[" * 3_000 + "]" * 3_000, "nests deeper than the 32 levels"),
        ("a: " + "{b: " * 40 + "}" * 40, "nests deeper than the 32 levels"),
        ("".join(f"{' ' * n}a:\n" for n in range(200)), "nests deeper than the 32 levels"),
        ("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40)), "nests deeper"),
        ("a: &a {b: *a}\n", r"\*a stands within what it names"),
        ("a: [" + "1," * 20_000 + "]", "more than the 100,000 characters"),
    ],
)
def test_what_is_too_large_is_told_before_it_is_built(written: str, told: str) -> None:
    began = time.perf_counter()

    with pytest.raises(TooLarge, match=told):
        compose(written)
    assert time.perf_counter() - began < 2


def test_ordinary_aliases_are_composed() -> None:
    root = compose("description: ' a '\na: &a {x: 1}\nb: *a\nc: {<<: *a, y: [*a, *a]}\n")

    assert scalar(root, "description") == " a "
    assert scalar(root, "a") == scalar(root, "z") == scalar(None, "a") == ""
    with pytest.raises(yaml.YAMLError, match="undefined alias"):
        compose("a: *b\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("data: {}\n".encode("utf-16"), "'utf-8' codec can't decode byte 0xff in position 0: invalid start"),
        (b"\xff", "recipes are UTF-8"),
        (b"#" * (MOST_BYTES + 1), "has more than the 65,536 bytes that a recipe may have"),
    ],
)
def test_what_is_no_text(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=told):
        read_document(file)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\n" + b"#" * (MOST_BYTES - 8))

    assert read_document(file).startswith("a: 1\n")

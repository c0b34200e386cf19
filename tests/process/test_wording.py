from runner.process.wording import counted, hidden_character, readable, shown, visible


def test_one_is_singular_and_all_else_plural() -> None:
    assert [counted(count, "epoch") for count in (0, 1, 2, 1000)] == [
        "0 epochs",
        "1 epoch",
        "2 epochs",
        "1000 epochs",
    ]


def test_shows_values_short_and_without_what_a_terminal_obeys() -> None:
    assert shown("a'b") == '"a\'b"'
    assert shown("\x1b[31m") == "'\\x1b[31m'"
    assert shown(["x" * 100]) == "['" + "x" * 55 + "..."
    assert shown("x" * 10_000_000) == "'" + "x" * 56 + "..."
    assert shown(10**5000) == shown([10**5000]) == "a number of thousands of digits"


def test_makes_a_message_readable() -> None:
    assert visible("a\x1b[31m\x07\x7f\x9b\u202e\ud800b\n\tc") == "a␛[31m␇␡���b\n\tc"
    assert hidden_character("a\n\tü模") is None
    assert hidden_character("a\rb") == "U+000D"
    assert readable("x" * 5_000) == "x" * 1_000 + " ... " + "x" * 200
    assert readable("\n".join("x" * 300)).splitlines()[199:] == ["x", "... and 100 lines more"]

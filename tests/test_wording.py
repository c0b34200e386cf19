from runner.wording import counted


def test_one_is_singular_and_all_else_plural() -> None:
    assert [counted(count, "epoch") for count in (0, 1, 2, 1000)] == [
        "0 epochs",
        "1 epoch",
        "2 epochs",
        "1000 epochs",
    ]

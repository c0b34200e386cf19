from runner.report.file_names import safe_names


def test_plain_names_stay() -> None:
    assert safe_names(["conv_1", "dense-2.kernel"]) == ["conv_1", "dense-2.kernel"]


def test_what_no_file_system_takes_is_replaced() -> None:
    assert safe_names(["outer/conv", "../etc", "a b\n$c$", "größe", ""]) == [
        "outer_conv",
        "_etc",
        "a_b_c_",
        "gr_e",
        "_",
    ]


def test_no_two_are_the_same_even_without_case() -> None:
    assert safe_names(["a/b", "a_b", "A_B", "a_b_2"]) == ["a_b", "a_b_2", "A_B_3", "a_b_2_2"]


def test_long_names_are_cut_and_told_apart() -> None:
    first, second = safe_names(["x" * 300, "x" * 299])

    assert (first, second) == ("x" * 80, "x" * 80 + "_2")

import pytest

from runner.models.naming import class_names, snake_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Conv2D", "conv2d"),
        ("BatchNormalization", "batch_normalization"),
        ("PReLU", "p_re_lu"),
        ("LSTMCell", "lstm_cell"),
        ("SeparableConv2D", "separable_conv2d"),
    ],
)
def test_the_names_are_those_of_keras(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_a_class_that_comes_again_is_counted() -> None:
    assert class_names(["Dense", "Conv2D", "Dense", "Dense"]) == ["dense", "conv2d", "dense_1", "dense_2"]

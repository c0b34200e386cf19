from pathlib import Path

import pytest

from runner.check.options import CheckOptions, read_options
from runner.process.errors import UserError
from runner.tflite.patterns import BlockPattern, MByNPattern


def test_a_file_alone_asks_for_nothing() -> None:
    options, json = read_options(["a.tflite"])
    assert (options, json) == (CheckOptions(Path("a.tflite")), False)
    assert not options.anything
    assert options.axes == ("input_channels", "flattened")


def test_every_option() -> None:
    arguments = (
        "--m-by-n 2x4 a.tflite --block-in 4 --sparsity=0.8 --axis flattened --layer conv* --layer b --json"
    )
    assert read_options(arguments.split()) == (
        CheckOptions(
            Path("a.tflite"), MByNPattern(2, 4), BlockPattern(4), 0.8, ("flattened",), ("conv*", "b")
        ),
        True,
    )


def test_an_axis_may_have_a_hyphen() -> None:
    assert read_options(["a", "--axis", "input-channels"])[0].axes == ("input_channels",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("", "Name a TFLite file; see --help"),
        ("a b", "One file at a time, not a and b; see --help"),
        ("a --m-by-n", "--m-by-n: expected one argument. See --help"),
        (
            "a --m-by-n 24",
            "--m-by-n is '24'; write 2x4, \"2:4\" or [2, 4] for 2 zeros in each 4 weights. See --help",
        ),
        (
            "a --m-by-n 4x2",
            "--m-by-n is 4x2, but of each group of n weights m are zero: 0 < m < n. Did you mean 2x4? See",
        ),
        ("a --block-in 1", "--block-in: a block has 2 inputs or more, not 1. See --help"),
        ("a --block-in 4x1", "--block-in: '4x1' is no whole number; write 4 for blocks of 4 inputs."),
        ("a --sparsity 80", "--sparsity is 80, but must be in [0, 1); 80 % is 0.8"),
        ("a --sparsity 1", "--sparsity is 1, but must be in [0, 1)"),
        ("a --sparsity nan", "--sparsity is nan, but must be in [0, 1)"),
        ("a --sparsity 80%", "--sparsity: '80%' is no number; write 0.8 for 80 % zeros."),
        ("a --axis flat", "--axis: there is no axis 'flat'. Did you mean 'flattened'? Axes: input_channels,"),
        ("a --m_by_n 2x4", "There is no option '--m_by_n'. Did you mean '--m-by-n'? See --help"),
        ("a --sparse=1", "There is no option '--sparse'. Did you mean '--sparsity'? See --help"),
    ],
)
def test_wrong_input_is_one_line(arguments: str, told: str) -> None:
    with pytest.raises(UserError) as caught:
        read_options(arguments.split())
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "model.tflite --layer conv1.py conv2.py",
        "--layer conv1.py conv2.py model.tflite",
        "model.tflite --m-by-n 2x4 --layer conv1.py conv2.py --json",
    ],
)
def test_a_pattern_that_the_shell_replaced_by_files_is_told(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("conv1.py", "conv2.py", "model.tflite"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        read_options(line.split())
    assert str(caught.value) == (
        "--layer: conv1.py, conv2.py are files, not one pattern: the shell puts the names of files in its"
        " place where they fit; quote it: --layer 'conv*'"
    )


def test_two_files_beside_a_layer_that_is_no_file_are_two_files() -> None:
    with pytest.raises(UserError, match=r"One file at a time, not a\.tflite and b\.tflite"):
        read_options(["a.tflite", "b.tflite", "--layer", "conv*"])

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from runner.check.checking import FileCheck, check_file
from runner.check.options import CheckOptions
from runner.check.terminal import check_table, sentences, show
from runner.tflite.patterns import COMMON, BlockPattern, MByNPattern, PatternResult


def drawn(options: CheckOptions, width: int = 80) -> list[str]:
    return shown(check_file(options), width)


def shown(check: FileCheck, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(check_table(check))
    return [line.rstrip() for line in captured.get().splitlines()]


def with_zeros(files: Mapping[str, Path], zeros: np.ndarray) -> FileCheck:
    """The check of one convolution, had it these zeros."""
    check = check_file(CheckOptions(files["float32"], layers=("conv_1",)))
    [tensor] = check.tensors
    layout = tensor.weight.axes
    results = {
        pattern.label: {
            axis: pattern.find(layout.rows(zeros), axis=axis, near_zero=0) for axis in check.options.axes
        }
        for pattern in COMMON
    }
    return replace(check, tensors=(replace(tensor, zeros=int(zeros.sum()), results=results),))


def test_a_table_of_what_was_asked(files: Mapping[str, Path]) -> None:
    lines = drawn(
        CheckOptions(files["float32"], m_by_n=MByNPattern(2, 4), layers=("conv_1", "logits")), width=100
    )
    assert lines == [
        "Weight tensors",
        "",
        " layer",
        " operator            zeros   along input           along the",
        " shape, stored as    share   channels              flattened row   verdict",
        " ─────────────────────────────────────────────────────────────────────────",
        " conv_1                 72   2:4: too few inputs   2:4 holds       ok",
        " CONV_2D            50.00%",
        " 8x3x3x2, float32",
        " logits                  0   2:4: no zeros         2:4: no zeros   FAILED",
        " FULLY_CONNECTED     0.00%                                         2:4",
        " 4x32, float32",
        "",
    ]


def test_a_table_of_what_holds(files: Mapping[str, Path]) -> None:
    lines = drawn(CheckOptions(files["float32"], layers=("conv_1",)))
    assert lines[0] == "Weight tensors, and the m:n that hold"
    assert [line.split() for line in lines[6:9]] == [
        ["conv_1", "72", "too", "few", "inputs", "for", "1:4", "2:4", "4:8"],
        ["CONV_2D", "50.00%", "1:4", "2:4", "4:8"],
        ["8x3x3x2,", "float32"],
    ]


def test_a_tensor_without_a_zero_has_no_pattern_to_speak_of(files: Mapping[str, Path]) -> None:
    """Even where it is so narrow that no group could break one."""
    full = with_zeros(files, np.zeros((8, 3, 3, 2), bool))
    assert [line.split() for line in shown(full)[6:8]] == [["conv_1", "0", "-", "-"], ["CONV_2D", "0.00%"]]
    options = replace(full, options=replace(full.options, m_by_n=MByNPattern(2, 4), blocks=BlockPattern(4)))
    narrow = {axis: PatternResult("vacuous", 0, 0) for axis in options.options.axes}
    [tensor] = full.tensors
    judged = replace(tensor, results={"2:4": narrow, "block 4": narrow}, failures=("2:4", "block 4"))
    lines = shown(replace(options, tensors=(judged,)), width=120)
    assert "2:4: no zeros" in lines[6]
    assert "block 4: no zeros" in lines[7]


def test_zeros_that_make_no_block_are_told_so(files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files["float32"], blocks=BlockPattern(4), layers=("conv_1",)))
    [tensor] = check.tensors
    none = {axis: PatternResult("vacuous", 9, 1) for axis in check.options.axes}
    lines = shown(replace(check, tensors=(replace(tensor, results={"block 4": none}),)), width=120)
    assert "block 4: no zero block" in lines[6]


def test_a_sparsity_alone_needs_no_columns_of_patterns(files: Mapping[str, Path]) -> None:
    lines = drawn(CheckOptions(files["float32_sparse"], sparsity=0.6, layers=("hidden", "conv_2")))
    assert [" ".join(line.split()) for line in lines[2:5] + lines[6:12]] == [
        "layer",
        "operator zeros",
        "shape, stored as share verdict",
        "conv_2 576 FAILED",
        "CONV_2D 50.00% sparsity",
        "16x3x3x8, float32, sparse",
        "hidden 6,560 ok",
        "FULLY_CONNECTED 80.08%",
        "32x256, float32, sparse in blocks 1x4",
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_its_width(width: int, files: Mapping[str, Path]) -> None:
    for name in files:
        lines = drawn(
            CheckOptions(files[name], m_by_n=MByNPattern(2, 4), blocks=BlockPattern(4), sparsity=0.5), width
        )
        assert max(map(len, lines)) <= width


def test_the_operator_s_input_tells_the_gates_of_an_lstm_apart(files: Mapping[str, Path]) -> None:
    lines = drawn(CheckOptions(files["lstm"], sparsity=0.5), width=120)
    assert " UNIDIRECTIONAL_SEQUENCE_LSTM input 5    0.00%   sparsity" in lines


def test_the_count_is_said(files: Mapping[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert sentences(check_file(CheckOptions(files["float32"], m_by_n=MByNPattern(2, 4)))) == [
        "2 of 4 weight tensors pass."
    ]
    show(check_file(CheckOptions(files["float32"], layers=("conv*",))), Console(width=80))
    assert capsys.readouterr().out.endswith("\n648 of 1,296 weights in 2 tensors are zero: 50.00%.\n")


def test_brackets_in_a_name_are_shown(files: Mapping[str, Path]) -> None:
    check = check_file(CheckOptions(files["float32"], layers=("logits",)))
    named = replace(check, tensors=(replace(check.tensors[0], layer="block[bold]"),))
    console = Console(width=80, file=io.StringIO())
    with console.capture() as captured:
        console.print(check_table(named))
    assert "block[bold]" in captured.get()

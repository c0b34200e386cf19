import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from runner.export.advice import Advice, Ratios
from runner.export.measure import Exported
from runner.report.files import advice_lines, files_table, milliseconds
from runner.report.parts import Exports, errors
from runner.report.table_style import page_grid, terminal_table
from runner.verify import SparsityCheck

SPARSE = Exported(
    "float32_sparse",
    Path("a"),
    1_234_567,
    654_321,
    loads=True,
    scores={"accuracy": 0.98765, "loss": 0.5},
    latency_ms=1.2345,
    latency_p90_ms=2.5,
    sparse_tensors=3,
    block_tensors=1,
)
REGRESSION = replace(SPARSE, variant="float16", scores={"loss": 0.25}, sparse_tensors=0)
BROKEN = Exported("int8", Path("b"), 1000, 900, loads=False, error="the converter ended")
MISSING = Exported("dynamic_range", None, None, None, loads=False, error="no such operator")
DENSE = Exported("float32", Path("c"), 9_876_543, 9_000_000, loads=True, latency_ms=2.0, latency_p90_ms=3.0)
NONE = Ratios()
UNKNOWN = Advice(
    NONE, "int8", NONE, False, "nowhere: it does not run here", "there is no file to gain by", None
)
OF_SPARSE = Ratios(0.125, 0.0727, 0.61725)
SAID = {
    "float32_sparse": Advice(
        OF_SPARSE, "float32", OF_SPARSE, True, "phones", "one tensor in blocks", "adb push a"
    ),
    "float16": Advice(
        Ratios(0.52, 0.25, 0.8), "float16", Ratios(1.0, 0.5), True, "GPUs", "two bytes a weight", "adb push b"
    ),
    "int8": UNKNOWN,
    "dynamic_range": UNKNOWN,
}


def exports(
    files: Sequence[Exported], dense: Sequence[Exported], advice: Mapping[str, Advice] = SAID
) -> Exports:
    return Exports(files, dense, SparsityCheck(()), advice, dense_scores=None, budget=None)


def test_every_file_has_a_row_with_what_is_known() -> None:
    table = terminal_table(files_table(exports([SPARSE, REGRESSION, BROKEN, MISSING], [DENSE])))
    rows = [[str(cell) for cell in row] for row in zip(*(c.cells for c in table.columns), strict=True)]
    assert rows == [
        [
            "float32_sparse\n3 sparse, 1 in blocks",
            "1,234,567\n0.12x",
            "654,321\n0.07x",
            "0.9877\n0.5000",
            "1.23 (2.50)\n0.62x",
        ],
        [
            "float16",
            "1,234,567\n0.52x, 1.00x",
            "654,321\n0.25x, 0.50x",
            "-\n0.2500",
            "1.23 (2.50)\n0.80x",
        ],
        ["int8", "1,000", "900", "does not run", "- (-)"],
        ["dynamic_range", "-", "-", "does not run", "- (-)"],
        ["dense float32", "9,876,543", "9,000,000", "-\n-", "2.00 (3.00)"],
    ]
    assert table.title == "TFLite files (1 sample, 1 thread); ratios: to dense float32, to its dense twin"
    assert files_table(exports([SPARSE], [])).title == "TFLite files (1 sample, 1 thread)"


@pytest.mark.parametrize(
    ("time", "told"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.0012419996, "0.00124"),
        (0.000951, "0.000951"),
        (0.0436, "0.0436"),
        (1.2345, "1.23"),
        (12.0, "12.0"),
        (1234.5, "1,234"),
    ],
)
def test_a_time_has_three_digits_that_tell_something(time: float | None, told: str) -> None:
    assert milliseconds(time) == told


@pytest.mark.parametrize(
    ("size", "time", "name"),
    [(98_765_432, 1234.5, "dense dynamic_range"), (12_345, 0.00124, "dense")],  # The name is folded there.
)
def test_the_table_fits_eighty_columns(size: int, time: float, name: str) -> None:
    large = replace(SPARSE, variant="dynamic_range", bytes=size, gzip_bytes=size)
    large = replace(large, latency_ms=time, latency_p90_ms=time)
    table = terminal_table(files_table(exports([large], [large], {"dynamic_range": SAID["float16"]})))
    screen = Console(file=io.StringIO(), width=80, color_system=None)
    screen.print(table)
    assert isinstance(screen.file, io.StringIO)
    lines = [line.rstrip() for line in screen.file.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    [told] = [line for line in lines if f"{size:,}" in line and name in line]
    assert f"{milliseconds(time)} ({milliseconds(time)})" in told


def test_each_file_is_explained_or_excused() -> None:
    assert advice_lines(exports([SPARSE, BROKEN, REGRESSION], [replace(BROKEN, variant="int8")])) == [
        "float32_sparse: one tensor in blocks",
        "  runs on: phones",
        "float16: two bytes a weight",
        "  runs on: GPUs",
        "int8: does not run: the converter ended",
        "dense int8: does not run: the converter ended",
        "on a device, e.g.: adb push a",
    ]
    assert advice_lines(exports([MISSING], [])) == ["dynamic_range: does not run: no such operator"]


def test_what_befell_several_files_is_told_once() -> None:
    others = [replace(BROKEN, variant="int8_sparse"), replace(BROKEN, variant="float16", error="too large")]
    assert errors([BROKEN, SPARSE, *others]) == [
        ("int8, int8_sparse", "the converter ended"),
        ("float16", "too large"),
    ]


def test_in_a_page_files_stand_above_the_dense_models() -> None:
    half = replace(SPARSE, variant="float16", scores={"loss": 0.25}, sparse_tensors=0)
    grid = page_grid(files_table(exports([SPARSE, half, BROKEN], [DENSE])))
    assert [row[:7] for row in grid.rows] == [
        ("float32_sparse", "1,234,567", "0.125", "0.125", "654,321", "0.073", "0.073"),
        ("float16", "1,234,567", "0.520", "1.000", "654,321", "0.250", "0.500"),
        ("int8", "1,000", "-", "-", "900", "-", "-"),
        ("dense float32", "9,876,543", "-", "-", "9,000,000", "-", "-"),
    ]
    assert [row[7:] for row in grid.rows] == [
        ("0.9877", "0.5000", "1.23", "2.50", "0.62", "0.62", "3, 1 in blocks"),
        ("-", "0.2500", "1.23", "2.50", "0.80", "-", "0"),
        ("does not run", "-", "-", "-", "-", "-", "0"),
        ("-", "-", "2.00", "3.00", "-", "-", "0"),
    ]
    assert len(grid.heads) == 14

from dataclasses import replace

from runner.recipe.rule import Rule, ScheduleSettings
from runner.report.grids import check_grid, files_grid, plan_grid, rules_grid
from tests.report.test_files import BROKEN, DENSE, SAID, SPARSE
from tests.report.test_tables import CONV, LSTM, PLAN, check

ALL = Rule("all", ("*",), ignore=("x*",), schedule=ScheduleSettings("polynomial", 0.875))
STRUCTURAL = Rule("structural", ("conv",), types=("Conv2D",), m_by_n=(2, 4))
OFF = Rule("off", ("head",), prune=False)


def test_rules_are_listed_with_the_layers_they_have() -> None:
    assert rules_grid([ALL, STRUCTURAL, OFF], PLAN).rows == [
        (
            "all",
            "*; but x*",
            "unstructured, random; PolynomialDecay to 0.875, 4 updates in steps 6-30",
            "1: lstm",
        ),
        (
            "structural",
            "conv; types Conv2D",
            "2:4 (2 of 4 zero), by input channels; 0.5 once, at step 1",
            "1: conv",
        ),
        ("off", "head", "left dense", "none"),
    ]


def test_the_plan_has_every_weight() -> None:
    assert plan_grid(PLAN).rows == [
        (
            "conv",
            "5x5x32x64",
            "structural (over all)",
            "2:4 (2 of 4 zero), by input channels",
            "0.5 once, at step 1",
            "1",
            "25,600",
            "50.00%",
        ),
        (
            "lstm/recurrent_kernel",
            "4x16",
            "all",
            "unstructured, random",
            "PolynomialDecay to 0.875, 4 updates in steps 6-30",
            "4",
            "56",
            "87.50%",
        ),
        ("head", "8x10", "no rule", "dense", "no rule matches", "-", "-", "-"),
    ]


def test_the_check_has_every_point_and_names_those_that_failed() -> None:
    points = ("trained", "tflite_int8")
    rows = [check(row, point) for point in points for row in (CONV, LSTM)]
    rows[3] = check(LSTM, "tflite_int8", zeros=3, problem="no")
    grid = check_grid(PLAN, rows)

    assert grid.heads == ("weight", "planned zeros", "trained", "TFLite int8", "pattern", "verdict")
    assert grid.rows == [
        ("conv", "25,600", "25,600", "25,600", "holds", "ok"),
        ("lstm/recurrent_kernel", "56", "56", "3", "none promised", "FAILED: tflite_int8"),
    ]


def test_files_stand_above_the_dense_models() -> None:
    half = replace(SPARSE, variant="float16", scores={"loss": 0.25}, sparse_tensors=0)
    grid = files_grid([SPARSE, half, BROKEN], [DENSE], SAID)
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

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from runner.plan import Plan, PlannedWeight
from runner.pruning.schedules import ConstantSparsity, PolynomialDecay
from runner.pruning.structures import MByN, Unstructured
from runner.recipe.rule import Rule, ScheduleSettings
from runner.report.table_style import ReportTable, page_grid, terminal_table
from runner.report.tables import check_table, plan_frame, plan_table, rules_grid, sparsity_frame
from runner.verify import CheckRow

CONV = PlannedWeight(
    layer="conv",
    layer_type="Conv2D",
    weight="kernel",
    shape=(5, 5, 32, 64),
    kernel_shape=(5, 5, 32, 64),
    rule="structural",
    overridden=("all",),
    structure=MByN(2, 4),
    schedule=ConstantSparsity(0.5, 0, 0),
    total_steps=30,
)
LSTM = PlannedWeight(
    layer="lstm",
    layer_type="LSTM",
    weight="recurrent_kernel",
    shape=(4, 16),
    kernel_shape=(4, 16),
    rule="all",
    structure=Unstructured(),
    schedule=PolynomialDecay(0.0, 0.875, 6, 30, frequency=8),
    importance="random",
    total_steps=30,
)
DENSE = PlannedWeight("head", "Dense", "kernel", (8, 10), (8, 10), reason="no rule matches", total_steps=30)
PLAN = Plan((CONV, LSTM, DENSE), (), steps_per_epoch=15, total_steps=30)


def check(
    row: PlannedWeight, point: str, *, zeros: int | None = None, problem: str | None = None
) -> CheckRow:
    assert row.structure is not None
    counted = row.planned_zeros if zeros is None else zeros
    return CheckRow(
        layer=row.layer,
        weight=row.weight,
        point=point,
        shape=row.shape,
        planned_zeros=row.planned_zeros,
        zeros=counted,
        sparsity=counted / row.size,
        pattern=row.structure.label,
        pattern_ok=True if row.promised else None,
        passed=problem is None,
        problem=problem,
    )


def drawn(table: ReportTable, width: int = 80) -> list[str]:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    screen.print(terminal_table(table))
    assert isinstance(screen.file, io.StringIO)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()]


def cells(table: ReportTable) -> list[list[str]]:
    columns = terminal_table(table).columns
    return [[str(cell) for cell in row] for row in zip(*(column.cells for column in columns), strict=True)]


def test_plan_csv_has_a_row_per_weight_tensor(tmp_path: Path) -> None:
    plan_frame(PLAN).to_csv(tmp_path / "plan.csv", index=False)

    assert (tmp_path / "plan.csv").read_text().splitlines() == [
        "layer,layer_type,weight,shape,size,rule,overridden,structure,axis,importance,schedule,begin_step,end_step,"
        "updates,sparsity,planned_zeros,reason",
        "conv,Conv2D,kernel,5x5x32x64,51200,structural,all,2:4 (2 of 4 zero),input_channels,"
        "magnitude,ConstantSparsity,0,0,1,0.5,25600,",
        "lstm,LSTM,recurrent_kernel,4x16,64,all,,unstructured,,random,PolynomialDecay,6,30,4,0.875,56,",
        "head,Dense,kernel,8x10,80,,,dense,,,,,,0,0.0,0,no rule matches",
    ]


def test_plan_csv_of_a_dense_run(tmp_path: Path) -> None:
    plan_frame(Plan((DENSE,), (), 15, 30)).to_csv(tmp_path / "plan.csv", index=False)

    assert (tmp_path / "plan.csv").read_text().splitlines()[1] == (
        "head,Dense,kernel,8x10,80,,,dense,,,,,,0,0.0,0,no rule matches"
    )


def test_sparsity_csv_has_a_row_per_weight_and_point(tmp_path: Path) -> None:
    rows = [check(CONV, "trained"), check(LSTM, "tflite_float32", zeros=57)]

    sparsity_frame(rows).to_csv(tmp_path / "sparsity.csv", index=False)

    assert (tmp_path / "sparsity.csv").read_text().splitlines() == [
        "layer,weight,point,shape,planned_zeros,zeros,sparsity,pattern,pattern_ok",
        "conv,kernel,trained,5x5x32x64,25600,25600,0.5,2:4 (2 of 4 zero),true",
        "lstm,recurrent_kernel,tflite_float32,4x16,56,57,0.890625,unstructured,",
    ]


def test_sparsity_csv_has_its_columns_without_a_row() -> None:
    assert list(sparsity_frame([]).columns)[:3] == ["layer", "weight", "point"]


def test_the_plan_says_what_happens_to_each_weight() -> None:
    table = plan_table(PLAN)

    assert table.title == "Plan: 30 training steps (2 epochs of 15)"
    assert cells(table) == [
        [
            "conv\n5x5x32x64, rule structural (over all)",
            "2:4 (2 of 4 zero), by input channels\n0.5 once, at step 1",
            "25,600\n50.00%",
        ],
        [
            "lstm/recurrent_kernel\n4x16, rule all",
            "unstructured, random\nPolynomialDecay to 0.875, 4 updates in steps 6-30",
            "56\n87.50%",
        ],
        ["head\n8x10, no rule", "dense\nno rule matches", "-"],
    ]


def test_the_plan_fits_eighty_columns() -> None:
    long = replace(CONV, layer="block_12_expand_and_project_convolution")

    lines = drawn(plan_table(replace(PLAN, rows=(long, LSTM, DENSE))))

    assert max(map(len, lines)) <= 80
    assert any("25,600" in line for line in lines)
    assert any("at step 1" in line for line in lines)


def test_results_set_measured_zeros_beside_the_planned() -> None:
    checks = [check(row, point) for point in ("trained", "saved") for row in (CONV, LSTM)]
    checks += [check(CONV, "tflite_float32"), check(LSTM, "tflite_float32", zeros=58)]

    assert cells(check_table(PLAN, checks)) == [
        [
            "conv\n5x5x32x64",
            "2:4 (2 of 4 zero)\nby input channels",
            "25,600\n50.00%",
            "25,600\n50.00%",
            "ok",
        ],
        ["lstm/recurrent_kernel\n4x16", "unstructured", "56\n87.50%", "58\n90.62%", "ok"],
        ["head\n8x10", "dense\nno rule matches", "-", "-", ""],
    ]


def test_results_are_of_what_can_be_pruned_and_a_depthwise_layer_goes_by_its_name() -> None:
    norm = PlannedWeight("norm", "BatchNormalization", "-", (8,), (8,), rule="all", reason="no weights")
    depthwise = replace(CONV, layer="dw", layer_type="DepthwiseConv2D", weight="depthwise_kernel")
    separable = replace(CONV, layer="sep", layer_type="SeparableConv2D", weight="depthwise_kernel")

    plan = Plan((norm, depthwise, separable), (), 15, 30)

    checks = [check(depthwise, "saved"), check(separable, "saved")]
    names = [row[0].splitlines()[0] for row in cells(check_table(plan, checks))]
    assert names == ["dw", "sep/depthwise_kernel"]
    assert cells(plan_table(plan))[0][1] == "dense\nno weights"


def test_a_weight_fails_if_it_does_at_any_point_and_the_points_are_named() -> None:
    checks = [
        check(CONV, "trained", problem="trained: layer 'conv': a zero is missing"),
        check(CONV, "saved"),
        check(CONV, "tflite_float32", zeros=0, problem="tflite_float32: layer 'conv': was not found"),
        check(LSTM, "trained"),
    ]

    rows = cells(check_table(PLAN, checks))

    assert rows[0][3:] == ["0\n0.00%", "FAILED\ntrained, tflite_float32"]
    assert rows[1][4] == "ok"


def test_of_several_files_the_fewest_zeros_are_shown() -> None:
    checks = [check(CONV, "saved", zeros=25_000)]
    checks += [check(CONV, "tflite_int8", zeros=25_700), check(CONV, "tflite_float32")]

    table = check_table(PLAN, checks)

    assert table.title == "Sparsity, planned and measured in the TFLite files (the fewest)"
    assert cells(table)[0][3] == "25,600\n50.00%"
    unconverted = check_table(PLAN, checks[:1])
    assert cells(unconverted)[0][3] == "25,000\n48.83%"


@pytest.mark.parametrize("width", [80, 120])
def test_tables_are_drawn_with_their_heads(width: int) -> None:
    lines = drawn(check_table(PLAN, [check(CONV, "trained")]), width)

    assert lines[0] == "Sparsity, planned and measured in the TFLite file"
    assert any(line.split() == ["weight", "planned", "measured"] for line in lines)
    assert max(map(len, lines)) <= width


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


def test_a_page_has_every_weight_of_the_plan() -> None:
    assert page_grid(plan_table(PLAN)).rows == [
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
    grid = page_grid(check_table(PLAN, rows), dim=False)

    assert grid.heads == ("weight", "planned zeros", "trained", "TFLite int8", "pattern", "verdict")
    assert grid.rows == [
        ("conv", "25,600", "25,600", "25,600", "holds", "ok"),
        ("lstm/recurrent_kernel", "56", "56", "3", "none promised", "FAILED: tflite_int8"),
    ]

"""Plan, sparsity and results as pandas tables (for files) and as rich tables (for the terminal)."""

from collections.abc import Sequence

import pandas as pd
from rich.table import Table
from rich.text import Text

from runner.plan import Plan, PlannedWeight
from runner.process.wording import counted
from runner.pruning.schedules import schedule_config
from runner.report.curves import curve_words
from runner.report.table_style import plain_table
from runner.verify import CSV_COLUMNS, CheckRow


def plan_frame(plan: Plan) -> pd.DataFrame:
    """Returns the plan as `plan.csv` holds it: one row per weight tensor."""
    frame = pd.DataFrame([_plan_row(row) for row in plan.rows])
    return frame.astype({"begin_step": "Int64", "end_step": "Int64"})  # Empty for a dense weight, never 0.0.


def sparsity_frame(rows: Sequence[CheckRow]) -> pd.DataFrame:
    """Returns the sparsity check as `sparsity.csv` holds it: one row per weight tensor and point."""
    return pd.DataFrame([row.to_csv() for row in rows], columns=list(CSV_COLUMNS))


def plan_table(plan: Plan) -> Table:
    """Draws the plan for the terminal: a row of two lines per weight tensor, so that it fits 80 columns."""
    epochs = counted(plan.total_steps // plan.steps_per_epoch, "epoch")
    steps = counted(plan.total_steps, "training step")
    table = plain_table(f"Plan: {steps} ({epochs} of {plan.steps_per_epoch})")
    table.add_column("weight\nshape, rule", overflow="fold")
    table.add_column("structure\nschedule", overflow="fold")
    table.add_column("planned\nzeros", justify="right", no_wrap=True)
    for row in plan.rows:
        weight = f"{weight_title(row)}\n{_shape(row.shape)}, {rule_words(row)}"
        if row.curve is not None:
            words = f"{structure_words(row)}\n{curve_words(row.curve)}"
            table.add_row(weight, words, _zeros(row.planned_zeros, row.size))
        else:
            table.add_row(weight, f"dense\n{row.reason}", "-", style="dim")
    return table


def result_table(plan: Plan, checks: Sequence[CheckRow]) -> Table:
    """Draws what was planned against what was measured in the TFLite files.

    Args:
        plan: The plan.
        checks: Rows of every point; a weight fails if any of its rows does. Where there are several files,
            the fewest zeros count; without a file, the last point does.
    """
    files = {check.point for check in checks if check.point.startswith("tflite_")}
    table = plain_table(
        f"Sparsity, planned and measured in the TFLite file{'s (the fewest)' if len(files) > 1 else ''}"
    )
    table.add_column("weight\nshape", overflow="fold")
    table.add_column("pattern", overflow="fold")
    table.add_column("planned\nzeros", justify="right", no_wrap=True)
    table.add_column("measured\nzeros", justify="right", no_wrap=True)
    table.add_column("verdict", overflow="fold")
    for row in plan.rows:
        if row.weight == "-":
            continue  # Of a layer without weights to prune nothing was planned; the plan says so.
        own = [check for check in checks if (check.layer, check.weight) == (row.layer, row.weight)]
        weight = f"{weight_title(row)}\n{_shape(row.shape)}"
        if not own:
            table.add_row(weight, f"dense\n{row.reason}", "-", "-", "", style="dim")
            continue
        failed = [check.point for check in own if not check.passed]
        verdict = Text(f"FAILED\n{', '.join(failed)}", "bold red") if failed else Text("ok", "green")
        found = [check.zeros for check in own if check.point in files] or [own[-1].zeros]
        planned, measured = _zeros(row.planned_zeros, row.size), _zeros(min(found), row.size)
        pattern = row.structure.label if row.structure else ""
        table.add_row(weight, f"{pattern}\n{_axis(row)}".strip(), planned, measured, verdict)
    return table


def weight_title(row: PlannedWeight) -> str:
    """Names a weight by its layer; the kernel goes without saying, and a depthwise layer has but one."""
    only = row.weight in ("kernel", "-") or row.layer_type.startswith("Depthwise")
    return row.layer if only else f"{row.layer}/{row.weight}"


def _plan_row(row: PlannedWeight) -> dict[str, object]:
    begin, end = row.window
    return {
        "layer": row.layer,
        "layer_type": row.layer_type,
        "weight": row.weight,
        "shape": _shape(row.shape),
        "size": row.size,
        "rule": row.rule or "",
        "overridden": " ".join(row.overridden),
        "structure": "dense" if row.structure is None else row.structure.label,
        "axis": row.axis or "",
        "importance": row.importance if row.pruned else "",
        "schedule": "" if row.schedule is None else schedule_config(row.schedule)["class_name"],
        "begin_step": begin,
        "end_step": end,
        "updates": len(row.updates),
        "sparsity": row.sparsity,
        "planned_zeros": row.planned_zeros,
        "reason": row.reason or "",
    }


def rule_words(row: PlannedWeight) -> str:
    """Names the rule of a weight, and those it overrode."""
    over = f" (over {', '.join(row.overridden)})" if row.overridden else ""
    return "no rule" if row.rule is None else f"rule {row.rule}{over}"


def structure_words(row: PlannedWeight) -> str:
    """Says which weights of a tensor are zeroed together, along what, and by what importance."""
    words = "dense" if row.structure is None else row.structure.label
    importance = "" if row.importance == "magnitude" else row.importance  # Magnitude goes without saying.
    return ", ".join(part for part in (words, _axis(row), importance) if part)


def _axis(row: PlannedWeight) -> str:
    return f"by {row.axis.replace('_', ' ')}" if row.axis else ""


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _zeros(zeros: int, size: int) -> str:
    return f"{zeros:,}\n{zeros / size:.2%}"

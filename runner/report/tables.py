"""The plan, the rules and the sparsity check as tables: for files, for the terminal, for a page."""

from collections.abc import Sequence

import pandas as pd

from runner.plan import Plan, PlannedWeight
from runner.plan.named_layers import listed
from runner.process.wording import counted
from runner.pruning.schedules import schedule_config
from runner.recipe.rule import Rule
from runner.report.curves import curve_words
from runner.report.page import Grid
from runner.report.table_style import Column, ReportTable
from runner.verify import CSV_COLUMNS, CheckRow
from runner.verify.sparsity_check import shape_text

_PLANNED = Column("planned\nzeros", "{planned zeros}\n{share}")


def plan_frame(plan: Plan) -> pd.DataFrame:
    """Returns the plan as `plan.csv` holds it: one row per weight tensor."""
    frame = pd.DataFrame([_plan_row(row) for row in plan.rows])
    return frame.astype({"begin_step": "Int64", "end_step": "Int64"})  # Empty for a dense weight, never 0.0.


def sparsity_frame(rows: Sequence[CheckRow]) -> pd.DataFrame:
    """Returns the sparsity check as `sparsity.csv` holds it: one row per weight tensor and point."""
    return pd.DataFrame([row.to_csv() for row in rows], columns=list(CSV_COLUMNS))


def plan_table(plan: Plan) -> ReportTable:
    """Lists every weight tensor of the plan."""
    epochs = counted(plan.total_steps // plan.steps_per_epoch, "epoch")
    steps = counted(plan.total_steps, "training step")
    rows = []
    for row in plan.rows:
        over = f" (over {', '.join(row.overridden)})" if row.overridden else ""
        rule, words = (
            ("no rule", "no rule") if row.rule is None else (f"{row.rule}{over}", f"rule {row.rule}{over}")
        )
        cells = {
            "rule": rule,
            "rule words": words,
            "structure": "dense",
            "schedule": row.reason or "",
            "updates": "",
        }
        if row.curve is not None:
            cells |= {"structure": structure_words(row), "schedule": curve_words(row.curve)}
            cells |= {"updates": str(len(row.updates))}
        rows.append(_weight_cells(row) | cells)
    return ReportTable(
        f"Plan: {steps} ({epochs} of {plan.steps_per_epoch})",
        rows,
        terminal=(
            Column("weight\nshape, rule", "{weight}\n{shape}, {rule words}", text=True),
            Column("structure\nschedule", "{structure}\n{schedule}", text=True),
            _PLANNED,
        ),
        page=(
            *(Column(head, text=True) for head in ("weight", "shape", "rule", "structure", "schedule")),
            *(Column(head) for head in ("updates", "planned zeros", "share")),
        ),
    )


def check_table(plan: Plan, checks: Sequence[CheckRow]) -> ReportTable:
    """Compares the planned zeros with those that were measured; weights that stay dense are `dim`.

    In the terminal, the zeros measured are the fewest in a TFLite file or, without a file, those at the last
    point; a page has a column for each point. A weight fails if any of its rows does.
    """
    points = list(dict.fromkeys(check.point for check in checks))
    files = {point for point in points if point.startswith("tflite_")}
    heads = {point: point.replace("tflite_", "TFLite ") for point in points}
    rows = []
    for row in plan.rows:
        if row.weight == "-":
            continue  # Of a layer without weights to prune nothing was planned; the plan says so.
        own = [check for check in checks if (check.layer, check.weight) == (row.layer, row.weight)]
        cells = _weight_cells(row) | dict.fromkeys(("measured", "measured share", *heads.values()), "")
        if own:
            measured = min([check.zeros for check in own if check.point in files] or [own[-1].zeros])
            cells |= {"measured": f"{measured:,}", "measured share": f"{measured / row.size:.2%}"}
            cells |= {heads[check.point]: f"{check.zeros:,}" for check in own} | _verdict_cells(own)
            cells |= {"structure": row.structure.label if row.structure else "", "axis": _axis(row)}
        else:
            cells |= {"structure": "dense", "axis": row.reason or "", "verdict words": "", "style": "dim"}
        rows.append(cells)
    return ReportTable(
        f"Sparsity, planned and measured in the TFLite file{'s (the fewest)' if len(files) > 1 else ''}",
        rows,
        terminal=(
            Column("weight\nshape", "{weight}\n{shape}", text=True),
            Column("pattern", "{structure}\n{axis}", text=True),
            _PLANNED,
            Column("measured\nzeros", "{measured}\n{measured share}"),
            Column("verdict", "{verdict words}", text=True),
        ),
        page=(
            Column("weight", text=True),
            *(Column(head) for head in ("planned zeros", *heads.values())),
            *(Column(head, text=True) for head in ("pattern", "verdict")),
        ),
    )


def rules_grid(rules: Sequence[Rule], plan: Plan) -> Grid:
    """Lists the recipe's rules, what each asks for, and the layers that it has in the plan."""
    rows = []
    for rule in rules:
        own = [row for row in plan.rows if row.rule == rule.key]
        curves = [f"{structure_words(row)}; {curve_words(row.curve)}" for row in own if row.curve is not None]
        selected = ", ".join(rule.targets)
        for word, names in (("but", rule.ignore), ("types", rule.types), ("weights", rule.weights)):
            selected += f"; {word} {', '.join(names)}" if names else ""
        layers = list(dict.fromkeys(row.layer for row in own))
        where = f"{len(layers)}: {listed(layers)}" if layers else "none"
        rows.append((rule.key, selected, curves[0] if curves else "left dense", where))
    return Grid(("rule", "targets", "asks for", "layers it has"), rows, texts=(0, 1, 2, 3))


def weight_title(row: PlannedWeight) -> str:
    """Names a weight by its layer, and by its own name unless that is the kernel."""
    only = row.weight in ("kernel", "-") or row.layer_type.startswith("Depthwise")
    return row.layer if only else f"{row.layer}/{row.weight}"


def structure_words(row: PlannedWeight) -> str:
    """Describes a structure: which weights are zeroed together, along what, and by what importance."""
    words = "dense" if row.structure is None else row.structure.label
    importance = "" if row.importance == "magnitude" else row.importance  # The default is left out.
    return ", ".join(part for part in (words, _axis(row), importance) if part)


def _weight_cells(row: PlannedWeight) -> dict[str, str]:
    pruned = row.curve is not None
    return {
        "weight": weight_title(row),
        "shape": shape_text(row.shape),
        "planned zeros": f"{row.planned_zeros:,}" if pruned else "",
        "share": f"{row.planned_zeros / row.size:.2%}" if pruned else "",
        "style": "" if pruned else "dim",
    }


def _verdict_cells(own: Sequence[CheckRow]) -> dict[str, str]:
    failed = ", ".join(check.point for check in own if not check.passed)
    promised = [check.pattern_ok for check in own if check.pattern_ok is not None]
    return {
        "verdict": f"FAILED: {failed}" if failed else "ok",
        "verdict words": f"FAILED\n{failed}" if failed else "ok",
        "pattern": ("holds" if all(promised) else "broken") if promised else "none promised",
    }


def _plan_row(row: PlannedWeight) -> dict[str, object]:
    begin, end = row.window
    return {
        "layer": row.layer,
        "layer_type": row.layer_type,
        "weight": row.weight,
        "shape": "x".join(map(str, row.shape)),
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


def _axis(row: PlannedWeight) -> str:
    return f"by {row.axis.replace('_', ' ')}" if row.axis else ""

"""Plan, check and files as tables of the HTML report; `tables` and `files` draw the same for the terminal."""

from collections.abc import Mapping, Sequence

from runner.export.advice import Advice, Ratios
from runner.export.measure import Exported
from runner.plan import Plan
from runner.plan.named_layers import listed
from runner.recipe.rule import Rule
from runner.report.curves import curve_words
from runner.report.files import milliseconds
from runner.report.page import Grid
from runner.report.tables import rule_words, structure_words, weight_title
from runner.verify import CheckRow
from runner.verify.sparsity_check import shape_text


def rules_grid(rules: Sequence[Rule], plan: Plan) -> Grid:
    """Lists the recipe's rules and where each applied.

    Args:
        rules: In the recipe's order.
        plan: Says which layers each has.
    """
    rows = []
    for rule in rules:
        own = [row for row in plan.rows if row.rule == rule.key]
        pruned = [row for row in own if row.curve is not None]
        asked = (
            f"{structure_words(pruned[0])}; {curve_words(pruned[0].curve)}"
            if pruned and pruned[0].curve
            else "left dense"
        )
        selected = ", ".join(rule.targets)
        for word, names in (("but", rule.ignore), ("types", rule.types), ("weights", rule.weights)):
            selected += f"; {word} {', '.join(names)}" if names else ""
        layers = list(dict.fromkeys(row.layer for row in own))
        rows.append((rule.key, selected, asked, f"{len(layers)}: {listed(layers)}" if layers else "none"))
    return Grid(("rule", "targets", "asks for", "layers it has"), rows, texts=(0, 1, 2, 3))


def plan_grid(plan: Plan) -> Grid:
    """Lists every weight tensor of the plan."""
    rows = []
    for row in plan.rows:
        if row.curve is None:
            what = ("dense", row.reason or "", "-", "-", "-")
        else:
            zeros = f"{row.planned_zeros:,}", f"{row.planned_zeros / row.size:.2%}"
            what = (structure_words(row), curve_words(row.curve), str(len(row.updates)), *zeros)
        rows.append((weight_title(row), shape_text(row.shape), rule_words(row).removeprefix("rule "), *what))
    heads = ("weight", "shape", "rule", "structure", "schedule", "updates", "planned zeros", "share")
    return Grid(heads, rows, texts=(0, 1, 2, 3, 4))


def check_grid(plan: Plan, checks: Sequence[CheckRow]) -> Grid:
    """Sets the zeros measured at each point beside the planned ones.

    Args:
        plan: The plan.
        checks: The check's rows at all of its points.
    """
    points = list(dict.fromkeys(check.point for check in checks))
    by_weight: dict[tuple[str, str], dict[str, CheckRow]] = {}
    for check in checks:
        by_weight.setdefault((check.layer, check.weight), {})[check.point] = check
    rows = []
    for row in plan.pruned:
        own = by_weight.get((row.layer, row.weight), {})
        zeros = [f"{own[point].zeros:,}" if point in own else "-" for point in points]
        failed = [check.point for check in own.values() if not check.passed]
        promised = [check.pattern_ok for check in own.values() if check.pattern_ok is not None]
        pattern = ("holds" if all(promised) else "broken") if promised else "none promised"
        verdict = f"FAILED: {', '.join(failed)}" if failed else "ok"
        rows.append((weight_title(row), f"{row.planned_zeros:,}", *zeros, pattern, verdict))
    heads = ("weight", "planned zeros", *(point.replace("tflite_", "TFLite ") for point in points))
    return Grid((*heads, "pattern", "verdict"), rows, texts=(0, len(heads), len(heads) + 1))


def files_grid(exported: Sequence[Exported], dense: Sequence[Exported], advice: Mapping[str, Advice]) -> Grid:
    """Lists the TFLite files, the dense model's below; ratios are to dense float32 and to its own dense twin.

    Args:
        exported: The pruned model's.
        dense: The dense model's.
        advice: What to make of `exported`, by variant.
    """
    none = Ratios()
    rows = [
        _file_cells(file, file.variant, advice[file.variant].ratios, advice[file.variant].twin_ratios)
        for file in exported
    ]
    rows += [_file_cells(file, f"dense {file.variant}", none, none) for file in dense]
    sizes = ("bytes", "ratio", "to twin", "gzip bytes", "ratio", "to twin")
    times = ("ms (median)", "ms (90 %)", "ratio", "to twin")
    return Grid(("file", *sizes, "accuracy", "loss", *times, "sparse tensors"), rows)


def _file_cells(file: Exported, name: str, ratios: Ratios, to_twin: Ratios) -> tuple[str, ...]:
    sparse = f"{file.sparse_tensors}, {file.block_tensors} in blocks" if file.sparse_tensors else "0"
    return (
        name,
        _number(file.bytes, ",d"),
        _number(ratios.bytes, ".3f"),
        _number(to_twin.bytes, ".3f"),
        _number(file.gzip_bytes, ",d"),
        _number(ratios.gzip_bytes, ".3f"),
        _number(to_twin.gzip_bytes, ".3f"),
        _number(file.accuracy, ".4f") if file.loads else "does not run",
        _number(file.loss, ".4f"),
        milliseconds(file.latency_ms),
        milliseconds(file.latency_p90_ms),
        _number(ratios.latency_ms, ".2f"),
        _number(to_twin.latency_ms, ".2f"),
        sparse,
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

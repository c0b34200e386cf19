"""The TFLite files for the terminal: a table beside the dense model's, and what to make of each."""

import math
from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from runner.export.advice import Advice
from runner.export.measure import Exported
from runner.report.table_style import plain_table

_COLUMNS = ("bytes\nratio", "gzip bytes\nratio", "accuracy\nloss", "ms (90 %)\nratio")


def variants_table(
    exported: Sequence[Exported], dense: Sequence[Exported], advice: Mapping[str, Advice]
) -> Table:
    """Draws the TFLite files: how large, how good, how fast, in two lines each, so that 80 columns hold them.

    Args:
        exported: The pruned model's.
        dense: The dense model's, drawn below.
        advice: What to make of `exported`, by variant.
    """
    beside = "; ratios: to dense float32, to its dense twin" if dense else ""
    table = plain_table(f"TFLite files (1 sample, 1 thread){beside}")
    table.add_column("variant\nsparse tensors", overflow="fold")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for file in exported:
        _add_row(table, file, file.variant, advice[file.variant])
    for file in dense:
        _add_row(table, file, f"dense {file.variant}", None, style="dim")
    return table


def errors(files: Sequence[Exported]) -> list[tuple[str, str]]:
    """Returns what is wrong with files, each once, and the names of those that it befell before it."""
    befell: dict[str, list[str]] = {}
    for file in files:
        if file.error is not None:
            befell.setdefault(file.error, []).append(file.variant)
    return [(", ".join(names), error) for error, names in befell.items()]


def advice_lines(
    exported: Sequence[Exported], dense: Sequence[Exported], advice: Mapping[str, Advice]
) -> list[str]:
    """Returns what to make of each file, a few lines of text each, and what went wrong with it.

    Args:
        exported: The pruned model's.
        dense: The dense model's; only what went wrong is told of them.
        advice: What to make of `exported`, by variant.
    """
    lines = []
    for file in exported:
        said = advice[file.variant]
        if file.error is None:
            lines += [f"{file.variant}: {said.why}", f"  runs on: {said.runs_on}"]
    lines += [f"{names}: does not run: {error}" for names, error in errors(exported)]
    lines += [f"dense {names}: does not run: {error}" for names, error in errors(dense)]
    timed = [advice[file.variant].benchmark for file in exported if advice[file.variant].benchmark]
    return [*lines, f"on a device, e.g.: {timed[0]}"] if timed else lines


def milliseconds(time: float | None) -> str:
    """Writes a time in three significant digits, which one of microseconds needs too; `-` for none."""
    if time is None:
        return "-"
    decimals = 2 - math.floor(math.log10(time)) if time > 0 else 0
    return f"{time:,.{max(0, decimals)}f}"


def _add_row(table: Table, file: Exported, name: str, said: Advice | None, style: str | None = None) -> None:
    sparse = f"{file.sparse_tensors} sparse, {file.block_tensors} in blocks" if file.sparse_tensors else ""
    scores = Text("does not run", "red")
    if file.loads:
        scores = Text(f"{_number(file.accuracy, '.4f')}\n{_number(file.loss, '.4f')}")
    median, slow = milliseconds(file.latency_ms), milliseconds(file.latency_p90_ms)
    table.add_row(
        f"{name}\n{sparse}".strip(),
        f"{_number(file.bytes, ',')}\n{_ratios(said, 'bytes')}".strip(),
        f"{_number(file.gzip_bytes, ',')}\n{_ratios(said, 'gzip_bytes')}".strip(),
        scores,
        f"{median} ({slow})\n{_ratios(said, 'latency_ms')}".strip(),
        style=style,
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _ratios(said: Advice | None, measure: str) -> str:
    """Sets the ratio to dense float32 before that to the twin, where this is another file."""
    if said is None:
        return ""
    compared = [said.ratios] if said.twin == "float32" else [said.ratios, said.twin_ratios]
    found = [getattr(ratios, measure) for ratios in compared]
    return ", ".join(f"{ratio:.2f}x" for ratio in found if ratio is not None)

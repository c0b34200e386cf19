"""The TFLite files of a run: a table of them and of the dense model's, and advice on each."""

import math

from runner.export.advice import Advice, Ratios
from runner.export.measure import Exported
from runner.report.parts import Exports, errors
from runner.report.table_style import Column, ReportTable


def files_table(exports: Exports) -> ReportTable:
    """Lists the size, the scores and the latency of the TFLite files; the dense model's files follow.

    Ratios are to the dense float32 file and to the dense twin, the dense model's file of the same type. The
    terminal leaves out the second where both are one file.
    """
    compared = "; ratios: to dense float32, to its dense twin" if exports.dense else ""
    rows = [_cells(file, file.variant, exports.advice[file.variant]) for file in exports.files]
    rows += [_cells(file, f"dense {file.variant}", None) for file in exports.dense]
    ratios = {
        measure: (Column("ratio", f"{{{measure} ratio}}"), Column("to twin", f"{{{measure} to twin}}"))
        for measure in ("bytes", "gzip bytes", "ms (median)")
    }
    return ReportTable(
        f"TFLite files (1 sample, 1 thread){compared}",
        rows,
        terminal=(
            Column("variant\nsparse tensors", "{file}\n{sparse words}", text=True),
            Column("bytes\nratio", "{bytes}\n{bytes ratios}"),
            Column("gzip bytes\nratio", "{gzip bytes}\n{gzip bytes ratios}"),
            Column("accuracy\nloss", "{accuracy}\n{loss}"),
            Column("ms (90 %)\nratio", "{ms (median)} ({ms (90 %)})\n{ms (median) ratios}"),
        ),
        page=(
            Column("file", text=True),
            *(Column("bytes"), *ratios["bytes"]),
            *(Column("gzip bytes"), *ratios["gzip bytes"]),
            *(Column("accuracy"), Column("loss"), Column("ms (median)"), Column("ms (90 %)")),
            *(*ratios["ms (median)"], Column("sparse tensors")),
        ),
    )


def advice_lines(exports: Exports) -> list[str]:
    """Returns the advice on each file, a few lines of text each, and the errors."""
    lines = []
    for file in exports.files:
        if file.error is None:
            advice = exports.advice[file.variant]
            lines += [f"{file.variant}: {advice.why}", f"  runs on: {advice.runs_on}"]
    for kind, files in (("", exports.files), ("dense ", exports.dense)):
        lines += [f"{kind}{names}: does not run: {error}" for names, error in errors(files)]
    return lines + [f"on a device, e.g.: {command}" for command in benchmarks(exports)[:1]]


def benchmarks(exports: Exports) -> list[str]:
    """Returns the commands that time the files on a device."""
    found = (exports.advice[file.variant].benchmark for file in exports.files)
    return [command for command in found if command]


def milliseconds(time: float | None) -> str:
    """Writes a time in three significant digits, which one of microseconds needs too; `-` for none."""
    if time is None:
        return "-"
    decimals = 2 - math.floor(math.log10(time)) if time > 0 else 0
    return f"{time:,.{max(0, decimals)}f}"


def _cells(file: Exported, name: str, advice: Advice | None) -> dict[str, str]:
    """Returns the fields of a file; `advice` is None for the dense model's."""
    tensors = f", {file.block_tensors} in blocks" if file.sparse_tensors else ""
    cells = {
        "file": name,
        "style": "" if advice else "dim",
        "bytes": _number(file.bytes, ","),
        "gzip bytes": _number(file.gzip_bytes, ","),
        "accuracy": _number(file.accuracy, ".4f") if file.loads else "does not run",
        "loss": _number(file.loss, ".4f") if file.loads else "",
        "ms (median)": milliseconds(file.latency_ms),
        "ms (90 %)": milliseconds(file.latency_p90_ms),
        "sparse tensors": f"{file.sparse_tensors}{tensors}",
        "sparse words": f"{file.sparse_tensors} sparse{tensors}" if tensors else "",
    }
    to_dense, to_twin = (advice.ratios, advice.twin_ratios) if advice else (Ratios(), Ratios())
    for head, measure, form in (
        ("bytes", "bytes", ".3f"),
        ("gzip bytes", "gzip_bytes", ".3f"),
        ("ms (median)", "latency_ms", ".2f"),
    ):
        ratio, twin = getattr(to_dense, measure), getattr(to_twin, measure)
        shown = [ratio] if advice is None or advice.twin == "float32" else [ratio, twin]
        cells[f"{head} ratio"], cells[f"{head} to twin"] = _number(ratio, form), _number(twin, form)
        cells[f"{head} ratios"] = ", ".join(f"{number:.2f}x" for number in shown if number is not None)
    return cells


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)

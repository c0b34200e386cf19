"""The check of a TFLite file in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.check.checking import FileCheck, TensorCheck
from runner.check.json_output import stored_as
from runner.pruning.notation import Axis
from runner.report.table_style import plain_table
from runner.tflite.patterns import PatternResult
from runner.tflite.weight_tensors import many_weights

_AXIS_TITLES: dict[Axis, str] = {
    "input_channels": "along input\nchannels",
    "flattened": "along the\nflattened row",
}
_STYLES = {"holds": "green", "vacuous": "yellow", "broken": "red"}


def show(check: FileCheck, console: Console) -> None:
    """Prints the table, a sentence for what needs one, and how many tensors pass."""
    # Rich would end the process by itself where the reader of the output has left.
    with console.capture() as captured:
        if check.tensors:
            console.print(check_table(check))
        for sentence in sentences(check):
            console.print(Text(sentence), soft_wrap=True)
    print(captured.get(), end="")


def check_table(check: FileCheck) -> Table:
    """Draws a row of three lines and more per weight tensor, so that it fits 80 columns."""
    options = check.options
    table = plain_table("Weight tensors" if options.anything else "Weight tensors, and the m:n that hold")
    table.add_column("layer\noperator\nshape, stored as", overflow="fold")
    table.add_column("zeros\nshare", justify="right", no_wrap=True)
    for axis in options.axes if options.patterns or not options.anything else ():
        table.add_column(_AXIS_TITLES[axis], overflow="fold")
    if options.anything:
        table.add_column("verdict", overflow="fold")
    for tensor in check.tensors:
        table.add_row(*_cells(tensor, check))
    return table


def sentences(check: FileCheck) -> list[str]:
    """Says what the table cannot: broken encodings, what is no weight, and the count."""
    lines = [
        f"{tensor.layer}: {tensor.weight.constant.problem}"
        for tensor in check.tensors
        if tensor.weight.constant.problem is not None
    ]
    if check.left_out:
        readers = sorted({use.op for constant in check.left_out for use in constant.uses})
        lines.append(
            f"Not weights, as far as is known: {len(check.left_out)} other constant(s) of two dimensions or"
            f" more, read by {', '.join(readers) or 'no operator'}."
        )
    count, zeros = len(check.tensors), sum(tensor.zeros for tensor in check.tensors)
    size = sum(tensor.size for tensor in check.tensors)
    if not check.tensors:
        lines.append(f"{check.options.file}: has no weight tensors.")
    elif check.options.anything:
        passed = sum(tensor.passed for tensor in check.tensors)
        lines.append(f"{passed} of {count} weight tensors pass.")
    else:
        lines.append(f"{zeros:,} of {size:,} weights in {count} tensors are zero: {zeros / size:.2%}.")
    return lines


def _cells(tensor: TensorCheck, check: FileCheck) -> list[Text | str]:
    constant, options = tensor.weight.constant, check.options
    shape = "x".join(map(str, constant.shape))
    cells: list[Text | str] = [
        # A name may have brackets, which Rich would read as markup.
        Text(f"{tensor.layer}\n{_operators(tensor)}\n{shape}, {stored_as(constant)}"),
        "unknown" if constant.problem else f"{tensor.zeros:,}\n{tensor.sparsity:.2%}",
    ]
    if options.patterns:
        cells += [_found(tensor, axis) for axis in options.axes]
    elif not options.anything:
        cells += [_common(tensor, axis) for axis in options.axes]
    if options.anything:
        failed = Text("\n".join(["FAILED", *tensor.failures]), "bold red")
        cells.append(Text("ok", "green") if tensor.passed else failed)
    return cells


def _operators(tensor: TensorCheck) -> str:
    names = [
        f"{use.op} input {use.position}" if many_weights(use.op) else use.op for use in tensor.weight.uses
    ]
    return ", ".join(dict.fromkeys(names))


def _found(tensor: TensorCheck, axis: Axis) -> Text:
    lines = Text()
    for label, by_axis in tensor.results.items():
        if lines:
            lines.append("\n")
        lines.append(_words(label, by_axis[axis], tensor), _STYLES[by_axis[axis].verdict])
    return lines


def _words(label: str, result: PatternResult, tensor: TensorCheck) -> str:
    if result.verdict == "holds":
        return f"{label} holds"
    if tensor.zeros == 0:
        return f"{label}: no zeros"
    if result.verdict == "broken":
        return f"{label} broken\n{result.broken:,} of {result.groups:,}"
    # Nothing contradicts the pattern, but nothing shows it either.
    return f"{label}: {'too few inputs' if result.groups == 0 else 'no zero block'}"


def _common(tensor: TensorCheck, axis: Axis) -> Text:
    hold, short = (
        [label for label, by_axis in tensor.results.items() if by_axis[axis].verdict == verdict]
        for verdict in ("holds", "vacuous")
    )
    lines = Text(" ".join(hold), "green")
    if short and tensor.zeros:
        lines.append(("\n" if hold else "") + f"too few inputs for\n{' '.join(short)}", "yellow")
    return lines or Text("-")

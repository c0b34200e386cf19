"""The command line of `python -m runner.check`."""

import argparse
import os.path
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from runner.process.errors import UserError, did_you_mean
from runner.pruning.notation import AXES, Axis, parse_m_by_n
from runner.tflite.patterns import BlockPattern, MByNPattern, Pattern

_DESCRIPTION = """\
Shows the zeros in the weight tensors of any TFLite file, and which patterns they have. Sparse encodings are
decoded; a quantized weight is zero where it equals its zero point. m:n counts zeros: 2x4 means that of each
4 weights at least 2 are zero.

  python -m runner.check model.tflite --m-by-n 2x4 --layer 'conv*'"""
_STATUS = """\
Exit status: 0 every selected weight tensor has all that is asked for, 1 one has not, 2 the input is wrong or
no TFLite file, 130 interrupted."""


@dataclass(frozen=True)
class CheckOptions:
    """What to check.

    Args:
        file: The TFLite file.
        m_by_n: A pattern that every selected weight tensor must have; None asks for none.
        blocks: Likewise blocks.
        sparsity: The share of zeros that each must have, in [0, 1); None asks for none.
        axes: The axes along which a pattern may hold.
        layers: Globs that select weight tensors; empty is all.
    """

    file: Path
    m_by_n: MByNPattern | None = None
    blocks: BlockPattern | None = None
    sparsity: float | None = None
    axes: tuple[Axis, ...] = AXES
    layers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.sparsity is not None and not 0 <= self.sparsity < 1:
            percent = f"; {self.sparsity:g} % is {self.sparsity / 100:g}" if 1 < self.sparsity < 100 else ""
            raise ValueError(f"sparsity is {self.sparsity:g}, but must be in [0, 1){percent}")
        if not self.axes:
            raise ValueError("there is no axis along which a pattern may hold")

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The patterns asked for."""
        return tuple(pattern for pattern in (self.m_by_n, self.blocks) if pattern is not None)

    @property
    def anything(self) -> bool:
        """Whether something is asked of the tensors, so that they can fail."""
        return bool(self.patterns) or self.sparsity is not None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        ended = "" if message.endswith(("?", ".")) else "."
        raise UserError(f"{message.removeprefix('argument ').replace(': is ', ' is ', 1)}{ended} See --help")


def read_options(arguments: Sequence[str]) -> tuple[CheckOptions, bool]:
    """Reads the command line; `--help` prints the help and raises SystemExit.

    Args:
        arguments: A TFLite file and options.

    Returns:
        What to check, and whether to print JSON.

    Raises:
        UserError: Something of it is wrong.
    """
    parser, known = _parser()
    given, rest = parser.parse_known_intermixed_args(arguments)
    if rest:
        option = rest[0].partition("=")[0]
        raise UserError(f"There is no option '{option}'.{did_you_mean(option, known)} See --help")
    if len(given.files) > 1 and given.layer:
        _check_expanded(given.files, given.layer)
    if len(given.files) != 1:
        named = (
            f"One file at a time, not {' and '.join(given.files)}" if given.files else "Name a TFLite file"
        )
        raise UserError(f"{named}; see --help")
    axes = AXES if given.axis is None else (given.axis,)
    file = Path(given.files[0])
    try:
        options = CheckOptions(file, given.m_by_n, given.block_in, given.sparsity, axes, tuple(given.layer))
    except ValueError as error:
        raise UserError(f"--{error}") from error
    return options, given.json


def _parser() -> tuple[argparse.ArgumentParser, list[str]]:
    """Makes the parser, and lists its options."""
    parser = _Parser(
        prog="python -m runner.check",
        usage="%(prog)s FILE.tflite [OPTION ...]",
        description=_DESCRIPTION,
        epilog=_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    options = [
        parser.add_argument(
            "--m-by-n",
            type=_argument(lambda text: MByNPattern(*parse_m_by_n(text))),
            metavar="MxN",
            help="the m:n pattern holds along either axis; too few inputs for a group are not enough",
        ),
        parser.add_argument(
            "--block-in", type=_argument(_blocks), metavar="N", help="zeros come in blocks of N inputs"
        ),
        parser.add_argument(
            "--sparsity",
            type=_argument(_share),
            metavar="SHARE",
            help="at least that share of zeros, such as 0.8",
        ),
        parser.add_argument(
            "--axis",
            type=_argument(_axis),
            metavar="AXIS",
            help="look along input_channels only, or along the flattened row (window x channels) only",
        ),
        parser.add_argument(
            "--layer",
            action="append",
            default=[],
            metavar="GLOB",
            help="only the tensors of that layer, name or operator, in quotes; may be repeated",
        ),
        parser.add_argument("--json", action="store_true", help="print JSON"),
        parser.add_argument("--debug", action="store_true", help="show the traceback of an error"),
        parser.add_argument("-h", "--help", action="help", help="print this"),
    ]
    return parser, [name for option in options for name in option.option_strings]


def expanded(pattern: str) -> str:
    """Says how to keep the shell from replacing a pattern of layers by the names of files."""
    return f"the shell puts the names of files in its place where they fit; quote it: --layer '{pattern}'"


def _check_expanded(files: Sequence[str], layers: Sequence[str]) -> None:
    """Recognizes a pattern that the shell has replaced, by the files beside the model."""
    others = [name for name in files if not name.endswith(".tflite")] or list(files[1:])
    names = [*[layer for layer in layers if Path(layer).exists()], *others]
    if len(names) > len(others):
        pattern = f"{os.path.commonprefix(names)}*"  # noqa: RUF071 - by characters, as the shell matched
        raise UserError(f"--layer: {', '.join(names)} are files, not one pattern: {expanded(pattern)}")


def _argument(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Lets argparse show the message of a ValueError, which it would replace by one of its own."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def _blocks(text: str) -> BlockPattern:
    if not text.isdecimal():
        raise ValueError(f"'{text}' is no whole number; write 4 for blocks of 4 inputs")
    return BlockPattern(int(text))


def _share(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is no number; write 0.8 for 80 % zeros") from error


def _axis(text: str) -> Axis:
    for axis in AXES:
        if text.replace("-", "_") == axis:
            return axis
    hint = did_you_mean(text, AXES)
    raise ValueError(f"there is no axis '{text}'.{hint} Axes: {', '.join(AXES)}; by default either will do")

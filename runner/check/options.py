"""What `python -m runner.check` is asked for."""

import argparse
import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from runner.process.errors import UserError, did_you_mean
from runner.tflite.patterns import AXES, Axis, Blocks, MByN, Pattern

_OPTIONS = ("--m-by-n", "--block-in", "--sparsity", "--axis", "--layer", "--json", "--debug", "--help")


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
    m_by_n: MByN | None = None
    blocks: Blocks | None = None
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


@dataclass(frozen=True)
class CommandLine:
    """The whole command line.

    Args:
        asked: What to check.
        json: Print JSON instead of a table.
    """

    asked: CheckOptions
    json: bool


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        ended = "" if message.endswith(("?", ".")) else "."
        raise UserError(f"{message.removeprefix('argument ')}{ended} See --help")


def read_arguments(arguments: Sequence[str]) -> CommandLine:
    """Reads the command line.

    Args:
        arguments: A TFLite file and options.

    Raises:
        UserError: Something of it is wrong.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--m-by-n", type=_m_by_n)
    parser.add_argument("--block-in", type=_blocks)
    parser.add_argument("--sparsity", type=_number)
    parser.add_argument("--axis", type=_axis)
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--debug", action="store_true")
    given, rest = parser.parse_known_intermixed_args(arguments)
    if rest:
        option = rest[0].partition("=")[0]
        raise UserError(f"There is no option '{option}'.{did_you_mean(option, _OPTIONS)} See --help")
    if len(given.files) > 1 and given.layer:
        _check_expanded(given.files, given.layer)
    if len(given.files) != 1:
        named = (
            f"One file at a time, not {' and '.join(given.files)}" if given.files else "Name a TFLite file"
        )
        raise UserError(f"{named}; see --help")
    try:
        asked = CheckOptions(
            file=Path(given.files[0]),
            m_by_n=given.m_by_n,
            blocks=given.block_in,
            sparsity=given.sparsity,
            axes=AXES if given.axis is None else (given.axis,),
            layers=tuple(given.layer),
        )
    except ValueError as error:
        raise UserError(f"--{error}") from error
    return CommandLine(asked, given.json)


def expanded(pattern: str) -> str:
    """Says how to keep the shell from replacing a pattern of layers by the names of files."""
    return f"the shell puts the names of files in its place where they fit; quote it: --layer '{pattern}'"


def _check_expanded(files: Sequence[str], layers: Sequence[str]) -> None:
    """Tells a pattern that the shell has replaced, by the files that stand beside the model."""
    others = [name for name in files if not name.endswith(".tflite")] or list(files[1:])
    names = [*[layer for layer in layers if Path(layer).exists()], *others]
    if len(names) > len(others):
        pattern = f"{os.path.commonprefix(names)}*"  # noqa: RUF071 - by characters, as the shell matched
        raise UserError(f"--layer: {', '.join(names)} are files, not one pattern: {expanded(pattern)}")


def _m_by_n(text: str) -> MByN:
    try:
        return MByN.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _blocks(text: str) -> Blocks:
    try:
        size = int(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no whole number; write 4 for blocks of 4 inputs"
        ) from error
    try:
        return Blocks(size)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is no number; write 0.8 for 80 % zeros") from error


def _axis(text: str) -> Axis:
    for axis in AXES:
        if text.replace("-", "_") == axis:
            return axis
    raise argparse.ArgumentTypeError(
        f"there is no axis '{text}'.{did_you_mean(text, AXES)}"
        f" Axes: {', '.join(AXES)}; by default either will do"
    )

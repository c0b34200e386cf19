import io
from typing import TextIO, cast

from rich.console import Console

from runner.report.prefixed import PrefixedLines


class Pieces(io.StringIO):
    """Remembers what came in one piece."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return len(text)


def test_a_line_is_passed_on_whole() -> None:
    stream = Pieces()
    with PrefixedLines(stream, "job 3: ") as lines:
        for text in ("trai", "ning\n", "epoch 1\nepoch 2\n\n", "rest"):
            assert lines.write(text) == len(text)
        assert stream.pieces == ["job 3: training\n", "job 3: epoch 1\njob 3: epoch 2\n\n"]
    assert stream.pieces[2:] == ["job 3: rest\n"]
    assert not stream.closed


def test_it_is_no_terminal() -> None:
    stream = Pieces()
    with PrefixedLines(stream, "job 3: ") as lines:
        console = Console(file=cast(TextIO, lines))
        assert not console.is_terminal
        console.print("[red]done[/red]")
    assert stream.pieces == ["job 3: done\n"]

"""The console that all commands print tables and notes to."""

from collections.abc import Iterator
from typing import IO

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.segment import Segment

from runner.process.wording import visible


def open_console(file: IO[str] | None = None) -> Console:
    """Returns a console that makes control characters visible.

    Names in files of others (layers, tensors, runs of a shared store) may hold control sequences.

    Args:
        file: The output; None is standard output at the time of writing.
    """
    console = Console(file=file, soft_wrap=False)
    console.push_render_hook(_Visibly())
    return console


class _Visibly(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Visible(renderable) for renderable in renderables]


class _Visible:
    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

"""The display of a run: a live line in a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runner.process.console import open_console
from runner.process.wording import visible
from runner.training import Progress

_REFRESH_SECONDS = 0.1


class Display:
    """Shows what a run is doing: one line, rewritten, on a terminal; a line per stage and epoch elsewhere.

    Args:
        console: Where to print; default: standard output.
        noted: Called with each note and warning, for a sweep, which prints once what many of its jobs note.
    """

    def __init__(self, console: Console | None = None, *, noted: Callable[[str], None] | None = None) -> None:
        self.console = console or open_console()
        self._noted = noted
        self._live: Live | None = None
        self._stage = ""
        self._last_refresh = 0.0

    def __enter__(self) -> "Display":
        if self.console.is_terminal:
            self._live = Live(Text(""), console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, shown: str) -> None:
        """Shows what is being done."""
        self._stage = shown
        self._line(shown)

    def training(self, progress: Progress, epochs: int, total_steps: int) -> None:
        """Shows how far a training is: every epoch, and in a terminal the steps between."""
        if self._live is None and not progress.epoch_ended:
            return
        now = time.perf_counter()
        if not progress.epoch_ended and now - self._last_refresh < _REFRESH_SECONDS:
            return
        self._last_refresh = now
        parts = [f"epoch {progress.epoch}/{epochs}", f"step {progress.step}/{total_steps}"]
        metrics = [(name.removeprefix("train/"), f"{value:.4f}") for name, value in progress.metrics.items()]
        parts += [f"{name} {value}" for name, value in metrics if not name.startswith("val/")]
        if "_pruned_layers" in progress.sparsity:
            parts.append(f"sparsity {progress.sparsity['_pruned_layers']:.2%}")
        # What a narrow terminal cuts off shall be validation, which the end of training shows again.
        parts += [f"{name.replace('/', ' ')} {value}" for name, value in metrics if name.startswith("val/")]
        self._line(f"{self._stage}: " + ", ".join(parts))

    def print(self, *what: RenderableType) -> None:
        """Prints above the live line; text as it is, so that a long path or command can be copied whole."""
        for item in what:
            if isinstance(item, str):
                self.console.print(Text(item), soft_wrap=True)
            else:
                self.console.print(item, overflow="fold")

    def note(self, text: str, kind: str = "note") -> None:
        """Prints what the user should know, though nothing is wrong.

        Args:
            text: A sentence.
            kind: The word before it: `note` or `warning`.
        """
        self.print(f"{kind}: {text}")
        if self._noted is not None:
            self._noted(text)

    def _line(self, shown: str) -> None:
        shown = visible(shown)  # A live line goes past what `open_console` does.
        if self._live is None:
            self.console.print(Text(shown), soft_wrap=True)
        else:
            line = Table.grid(padding=0)
            line.add_column(no_wrap=True, overflow="ellipsis")
            line.add_row(Text(shown, style="cyan"))
            self._live.update(line, refresh=True)

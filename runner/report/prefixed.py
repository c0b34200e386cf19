"""Lines that say whose they are, where several processes write to one screen."""

import io
from typing import TextIO


class PrefixedLines(io.TextIOBase):
    """A text stream that puts a prefix before each line and passes it on whole, at once.

    It is no terminal, so that nobody rewrites lines on it.

    Args:
        stream: Where to.
        prefix: Such as `"job 3: "`.
    """

    def __init__(self, stream: TextIO, prefix: str) -> None:
        self._stream, self._prefix, self._begun = stream, prefix, ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The stream's."""
        return self._stream.encoding

    def writable(self) -> bool:
        """Says that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Takes text; a line is passed on when it is complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        self._pass_on(lines)
        return len(text)

    def close(self) -> None:
        """Passes on a line that was not ended; the stream stays open."""
        if self._begun and not self.closed:
            self._pass_on([self._begun])
        super().close()

    def _pass_on(self, lines: list[str]) -> None:
        if lines:
            # In one piece: another process must not write between.
            self._stream.write("".join(f"{self._prefix}{line}\n" if line.strip() else "\n" for line in lines))
            self._stream.flush()

"""What the HTML pages of runs and comparisons share: one file each, no network, one style."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@dataclass(frozen=True)
class Picture:
    """A plot, a PNG file, and the words under it.

    Args:
        path: The PNG file; there is none where the plot could not be drawn.
        caption: What it shows.
        title: In a few words, where the picture is behind a fold.
        grid: The numbers that it shows; None where another table has them.
    """

    path: Path
    caption: str
    title: str = ""
    grid: "Grid | None" = None

    @property
    def drawn(self) -> bool:
        """Whether there is a file."""
        return self.path.is_file()

    @property
    def embedded(self) -> str:
        """Returns the file as an address that holds it, so that the page is one file."""
        return f"data:image/png;base64,{base64.b64encode(self.path.read_bytes()).decode()}"


@dataclass(frozen=True)
class Grid:
    """A table of a page; a line break in a cell stays one.

    Args:
        heads: Titles of the columns.
        rows: Its lines, as many cells each as there are heads.
        texts: The columns that hold words, by number; the others hold numbers and are aligned so.

    Raises:
        ValueError: A line has more or fewer cells.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: Sequence[int] = (0,)

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.heads):
                raise ValueError(f"a line of {len(row)} cells under {len(self.heads)} heads: {row}")


def page_environment(folder: Path, *, html: bool) -> Environment:
    """Returns what renders a folder's templates, which may include those of this one; HTML is escaped."""
    return Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

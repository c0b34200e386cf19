"""Styles of groups in all pictures: a level of a factor has the same colour everywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from runner.compare.comparison import Comparison
from runner.compare.factors import Factor
from runner.compare.groups import Group
from runner.compare.tables import by_data
from runner.report.palette import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

Dash: TypeAlias = Literal["-", "--", "-.", ":"] | tuple[float, Sequence[float]]

_MORE = ("#882255", "#999933", "#332288", "#888888", "#7f4f24", "#44dd88", "#ee3377")
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, BLACK, SKY, ORANGE, *_MORE)
"""The palette's without its yellow, too pale for lines on white; the others part up to fourteen levels."""
DASHES: tuple[Dash, ...] = (
    "-",
    "-.",
    ":",
    (0, (5, 1, 1, 1, 1, 1)),
    (0, (12, 2)),
    (0, (8, 2, 2, 2)),
    (0, (1, 3)),
)
"""Curves that lie on each other are distinguished by these, also by readers who see no colours."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

MOST_COLOURS = len(COLOURS)
"""Of more levels than these a legend is no help: all have one colour, and the tables name them."""
ONE_COLOUR = f"More than {MOST_COLOURS} lines have no legend; the table has their names."


@dataclass(frozen=True)
class Style:
    """How a group is drawn.

    Args:
        colour: By the level of the factor that has colours.
        dash: Of its line, by the levels of the other factors.
        marker: By the same.
    """

    colour: str
    dash: Dash
    marker: str


PLAIN = Style(COLOURS[0], DASHES[0], MARKERS[0])
DENSE = Style("#555555", (0, (4, 2)), "*")
"""The dense model, which is no level of a factor: no level's line has its short dashes."""


def group_styles(comparison: Comparison, across: Factor | None = None) -> dict[str, Style]:
    """Chooses the style of each group, by its name.

    The first factor that is not numeric gives the colours, so that they are the same in every picture. Where
    there is none, the first numeric factor that does not run across does. Dashes and markers tell levels of
    the factors that are left; where none is, they repeat what colours say.

    Args:
        comparison: All groups.
        across: The factor that runs along an axis of the picture.
    """
    coloured = colour_factor(comparison, across)
    if coloured is None:
        return {group.name: PLAIN for group in comparison.groups}
    place = comparison.factors.index(coloured)
    others = [
        number
        for number, factor in enumerate(comparison.factors)
        if factor is not across and factor is not coloured and factor in _within_data(comparison)
    ]
    kinds: dict[tuple[str, ...], int] = {}
    found = {}
    for group in comparison.groups:
        number = coloured.levels.index(group.cell[place])
        variety = kinds.setdefault(tuple(group.cell[other] for other in others), len(kinds))
        found[group.name] = _style(number, variety if others else number, len(coloured.levels))
    return found


def level_colour(factor: Factor, level: str) -> str:
    """Returns the colour of a level of the factor that has colours.

    Args:
        factor: The factor.
        level: One of its levels.
    """
    return COLOURS[factor.levels.index(level)] if len(factor.levels) <= MOST_COLOURS else COLOURS[0]


def colour_factor(comparison: Comparison, across: Factor | None = None) -> Factor | None:
    """Returns the factor whose levels have colours; None where nothing but `across` was varied.

    Args:
        comparison: Has the factors.
        across: The factor that runs along an axis of the picture, and has no colours.
    """
    varied = [factor for factor in _within_data(comparison) if factor is not across]
    words = [factor for factor in varied if not factor.numeric]
    return next(iter(words or varied), None)


def varied(factors: Iterable[Factor], groups: Iterable[Group]) -> list[tuple[int, Factor]]:
    """Lists the factors of which groups have more than one level, each with its place.

    Args:
        factors: Of the comparison, in order.
        groups: Those that are drawn.
    """
    cells = [group.cell for group in groups]
    return [
        (place, factor) for place, factor in enumerate(factors) if len({cell[place] for cell in cells}) > 1
    ]


def _within_data(comparison: Comparison) -> list[Factor]:
    """Lists the factors that vary on some one data set; what only parts the data sets needs no colour."""
    found = [factor for part in by_data(comparison.groups) for _, factor in varied(comparison.factors, part)]
    return [factor for factor in comparison.factors if factor in found]


def _style(colour: int, variety: int, count: int) -> Style:
    if count > MOST_COLOURS:
        return PLAIN
    marker = MARKERS[(variety + variety // len(MARKERS)) % len(MARKERS)]
    return Style(COLOURS[colour], DASHES[variety % len(DASHES)], marker)

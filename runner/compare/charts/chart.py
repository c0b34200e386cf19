"""Charts: what each picture shows, before it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from runner.compare.charts.pareto import ParetoStatus
from runner.compare.charts.styles import Style
from runner.compare.intervals import Mean
from runner.compare.score import RankingScore

AxisKind = Literal["sparsity", "number", "share", "bytes", "milliseconds", "count"]
"""How an axis is scaled and written; `share` is a measured sparsity, in percent."""


@dataclass(frozen=True)
class ChartAxis:
    """What a picture's horizontal axis shows.

    Args:
        name: For readers, such as `schedule.sparsity` or `gzipped file`.
        kind: See `AxisKind`.
        key: In names of files: letters, digits and `_`.
    """

    name: str
    kind: AxisKind
    key: str


@dataclass(frozen=True)
class Mark:
    """The mean of a group's seeds at its place.

    Args:
        group: The group's name.
        at: Where it stands on the axis: the level, or the mean cost.
        level: The level of the numeric factor as text; empty without one.
        score: The mean score with its 95 % interval.
        seeds: Place and score of each seed, by seed.
        lost: Seeds whose runs failed.
        status: Against all other marks of the picture; None along a factor.
        on_mean_front: Whether it is on the front of the means, noise or not.
    """

    group: str
    at: float
    level: str
    score: Mean
    seeds: Mapping[int, tuple[float, float]]
    lost: frozenset[int] = frozenset()
    status: ParetoStatus | None = None
    on_mean_front: bool = False


@dataclass(frozen=True)
class Line:
    """Marks that differ in the numeric factor only, in its order; a single one without such a factor.

    Args:
        name: What tells it from the other lines; empty where it is the only one.
        style: How it is drawn.
        marks: One at least.
        file: The kind of TFLite file; empty for the model as Keras has it.
        dense: Whether these are the files of the dense model.
    """

    name: str
    style: Style
    marks: tuple[Mark, ...]
    file: str = ""
    dense: bool = False

    @property
    def mean(self) -> float:
        """The mean score of its marks."""
        return sum(mark.score.value for mark in self.marks) / len(self.marks)


@dataclass(frozen=True)
class DifferencePoint:
    """A paired difference at one level.

    Args:
        level: As text.
        at: As a number; 0 for a level that is none.
        mean: The score of the reference minus that of the other.
        low: The lower end of its interval; the intervals of all findings hold together.
        high: The upper end.
        shown: Whether it is told as a difference: 0 is left out, and no failed runs forbid it.
    """

    level: str
    at: float
    mean: float
    low: float
    high: float
    shown: bool


@dataclass(frozen=True)
class LevelDifference:
    """Two levels of a factor set against each other along another one.

    Args:
        reference: The level that is better, taken over all.
        other: The level it is compared with.
        colour: The other level's.
        steps: In the order of the levels along which it is drawn.
        shown_from: The lowest of the highest levels at all of which it is shown; None where there is none.
        shown_words: At which levels these are, such as `shown from 0.75 on`.
    """

    reference: str
    other: str
    colour: str
    steps: tuple[DifferencePoint, ...]
    shown_from: str | None = None
    shown_words: str = ""

    @property
    def name(self) -> str:
        """Such as `polynomial - constant`, with a minus sign."""
        return f"{self.reference} \N{MINUS SIGN} {self.other}"


@dataclass(frozen=True)
class Dense:
    """The score of dense weights.

    Args:
        name: For the legend.
        score: The mean over seeds.
        line: The line that it belongs to; None where it is the same for all.
        along: Place and score at each level, where it depends on the factor along which it is drawn.
    """

    name: str
    score: float
    line: str | None = None
    along: tuple[tuple[float, float], ...] = ()

    def at(self, place: float) -> float:
        """Returns its score at a level."""
        return dict(self.along).get(place, self.score)


@dataclass(frozen=True)
class Chart:
    """One picture: scores on one data set against one quantity.

    Args:
        score: What is measured.
        axis: Against what; None where groups stand side by side.
        lines: At least one.
        dense: Levels of the dense model.
        differences: Along the axis; empty where no two levels may be compared, and against costs.
        against_cost: Whether the axis is a cost, so that there is a Pareto front.
    """

    score: RankingScore
    axis: ChartAxis | None
    lines: tuple[Line, ...]
    dense: tuple[Dense, ...] = ()
    differences: tuple[LevelDifference, ...] = ()
    against_cost: bool = False

    @property
    def marks(self) -> list[Mark]:
        """All marks, line by line."""
        return [mark for line in self.lines for mark in line.marks]

    def best(self, count: int) -> "Chart":
        """Returns the chart with its best lines only, in their order, and the differences between them."""
        sign = -1.0 if self.score.higher_is_better else 1.0
        ranked = sorted(self.lines, key=lambda line: sign * line.mean)[:count]
        levels = {mark.level for line in ranked for mark in line.marks}
        kept = tuple(one for one in self.differences if any(step.level in levels for step in one.steps))
        return replace(self, lines=tuple(line for line in self.lines if line in ranked), differences=kept)

    @property
    def files(self) -> list[str]:
        """The kinds of files that are drawn."""
        return list(dict.fromkeys(line.file for line in self.lines if line.file and not line.dense))

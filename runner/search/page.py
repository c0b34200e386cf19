"""`search.html`: what a search has found, as one page."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from runner import __version__
from runner.process.wording import counted
from runner.records.names import short_number
from runner.report.page import Grid, Picture, page_environment
from runner.search.search import ON_TEST_SET, searched_on_test_set
from runner.search.trials import Found, value_text


@dataclass(frozen=True)
class Origin:
    """How a search was made.

    Args:
        title: Of its folder.
        command: As it was given, its program first.
        experiment: MLflow's experiment.
        made: When it ended.
    """

    title: str
    command: tuple[str, ...]
    experiment: str
    made: datetime


def write_page(found: Found, origin: Origin, pictures: Sequence[Picture], path: Path) -> None:
    """Writes the page as one HTML file with its pictures inside.

    Args:
        found: What it tells; a trial of it at least has a result.
        origin: How it was made.
        pictures: In their order.
        path: The file to write.
    """
    environment = page_environment(Path(__file__).parent, html=True)
    text = environment.get_template("search.html.j2").render(
        question=question(found),
        answer=answer(found),
        warning=warning(found),
        trials=trials_grid(found),
        best=None if len(found.objectives) == 1 else trials_grid(found, only_best=True),
        count=counted(len(found.trials), "trial"),
        origin=origin,
        command=shlex.join(["python", "-m", *origin.command]),
        version=__version__,
        pictures=pictures,
    )
    path.write_text(text, encoding="utf-8")


def question(found: Found) -> str:
    """Asks what was searched for."""
    names = list(found.names.values())
    asked = " and ".join(names) or "values"
    wanted = " and ".join(objective.words for objective in found.objectives)
    return f"Which {asked} {'gives' if len(names) == 1 else 'give'} {wanted}?"


def answer(found: Found) -> str:
    """Names the best trial, or says how many are on the front."""
    failed = len(found.trials) - len(found.finished)
    lost = f" ({failed} failed)" if failed else ""
    of = f"{counted(len(found.trials), 'trial')}{lost}"
    if len(found.objectives) == 1:
        [best] = found.best
        told = f"{found.objectives[0].metric} {value_text(best.values[0])}"
        return f"{told} with {found.chosen(best)}: trial {best.number}, the best of {of}."
    count = len(found.best)
    verb = "is" if count == 1 else "are"
    return f"{count} of {of} {verb} on the front: no other is as good in both objectives and better in one."


def warning(found: Found) -> str:
    """Says what the best value is worth."""
    lucky = (
        "The best of many trials is partly the luckiest. Train it again with other seeds before it is"
        " compared with anything."
    )
    if searched_on_test_set(found.objectives):
        return f"This was {ON_TEST_SET}. {lucky}"
    return lucky


def trials_grid(found: Found, *, only_best: bool = False) -> Grid:
    """Lays out the trials: all by number, or the best ones."""
    names = found.names
    heads = ["trial", *(objective.metric for objective in found.objectives), *names.values()]
    rows = [
        [
            str(trial.number),
            *(map(value_text, trial.values) if trial.values else ["-"] * len(found.objectives)),
            *(short_number(trial.sampled.get(key, "-")) for key in names),
            *([] if only_best else [trial.reason or ""]),
        ]
        for trial in (found.best if only_best else found.trials)
    ]
    if only_best:
        return Grid(heads, rows, texts=())
    return Grid([*heads, "failure"], rows, texts=(len(heads),))

"""The pictures of a search: what each trial reached, and of two objectives the front."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from runner.report.palette import BLUE, GRID, VERMILION
from runner.search.trials import Found

_DOTS_PER_INCH = 130
_FADED = "#888888"


def plot_history(found: Found, path: Path) -> None:
    """Draws the value of each trial, and the best so far, a panel for each objective.

    Args:
        found: A trial of it at least has a result.
        path: The PNG file to write.
    """
    count = len(found.objectives)
    figure = Figure(figsize=(7.0, 3.2 * count), layout="constrained")
    numbers = [trial.number for trial in found.finished]
    failed = [trial.number for trial in found.trials if not trial.values]
    best = {trial.number for trial in found.best}
    for place, objective in enumerate(found.objectives):
        axes = figure.add_subplot(count, 1, place + 1)
        values = [trial.values[place] for trial in found.finished]
        axes.plot(
            numbers,
            found.running_best(place),
            color=BLUE,
            drawstyle="steps-post",
            label="best so far",
        )
        axes.plot(numbers, values, "o", color=_FADED, markersize=5, label="trial")
        chosen = [trial for trial in found.finished if trial.number in best]
        axes.plot(
            [trial.number for trial in chosen],
            [trial.values[place] for trial in chosen],
            "o",
            color=VERMILION,
            markersize=7,
            label="best" if count == 1 else "front",
        )
        if failed:
            # At the bottom edge, whatever the values are.
            axes.plot(
                failed,
                [0.02] * len(failed),
                "x",
                color=VERMILION,
                transform=axes.get_xaxis_transform(),
                label="failed",
            )
        axes.set_ylabel(f"{objective.metric}\n({'more' if objective.maximized else 'less'} is better)")
        axes.set_xlabel("trial")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(color=GRID, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.savefig(path, dpi=_DOTS_PER_INCH)


def plot_front(found: Found, path: Path) -> None:
    """Draws the two objectives against each other, the front joined by a line.

    Args:
        found: Of two objectives; a trial of it at least has a result.
        path: The PNG file to write.
    """
    first, second = found.objectives
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    front = found.best
    others = [trial for trial in found.finished if trial not in front]
    axes.plot(
        [trial.values[1] for trial in others],
        [trial.values[0] for trial in others],
        "o",
        color=_FADED,
        markersize=5,
        label="trial",
    )
    axes.plot(
        [trial.values[1] for trial in front],
        [trial.values[0] for trial in front],
        "o-",
        color=VERMILION,
        drawstyle="steps-post",
        label="front",
    )
    for trial in front:
        axes.annotate(
            str(trial.number),
            (trial.values[1], trial.values[0]),
            textcoords="offset points",
            xytext=(5, 5),
            fontsize=8,
        )
    axes.set_ylabel(f"{first.metric} ({'more' if first.maximized else 'less'} is better)")
    axes.set_xlabel(f"{second.metric} ({'more' if second.maximized else 'less'} is better)")
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=_DOTS_PER_INCH)

"""The report at the end of a search: best values on the terminal; a table, a page and plots in its folder."""

import shlex
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner import __version__
from runner.compare.drawing import save_figure
from runner.process.wording import counted
from runner.records.names import short_number
from runner.records.sweep_records import JobRecord, Sweep
from runner.report.page import Grid, Picture, page_environment
from runner.report.palette import BLUE, GRID, VERMILION
from runner.report.table_style import plain_table
from runner.search.search import ON_TEST_SET, searched_on_test_set
from runner.search.trials import Trials, read_trials, trials_frame, value_text
from runner.tracking import Tracker

RESULTS = "optimization_results.yaml"
"""Written by the sweeper itself: the best values, with all their digits."""

_FOLDER = "search"
_FADED = "#888888"


def report_search(
    folder: Path,
    sweep: Sweep,
    records: Sequence[JobRecord],
    tracker: Tracker,
    console: Console,
    *,
    artifacts: Collection[str],
) -> None:
    """Shows, writes and logs the results of a search.

    Args:
        folder: The sweep's: `trials.csv`, `search.html` and `plots/` are written.
        sweep: The request.
        records: Of its jobs.
        tracker: Its own run in MLflow.
        console: Where to print.
        artifacts: The kinds of files to log; `tables` and `plots` count.

    Raises:
        RunFailed: MLflow does not take them; the files are written by then.
    """
    trials = read_trials(sweep.objective, records)
    trials_frame(trials).to_csv(folder / "trials.csv", index=False)
    written = [folder / "trials.csv", folder / RESULTS]
    if not trials.best:
        console.print("no trial has a result, so there is no best one")
    else:
        if len(trials.objectives) > 1:
            console.print(front_table(trials))
        for line in (answer(trials), warning(trials)):
            console.print(Text(line), soft_wrap=True)
        (folder / "plots").mkdir(exist_ok=True)
        pictures = plot_trials(trials, folder / "plots")
        page = folder / "search.html"
        page.write_text(search_page(trials, sweep, folder.name, pictures), encoding="utf-8")
        plots = [picture.path for picture in pictures]
        written += [page, *plots, *(path.with_suffix(".pdf") for path in plots)]
        _log_best(trials, tracker)
    for path in written:
        if path.is_file() and ("plots" if path.parent.name == "plots" else "tables") in artifacts:
            tracker.log_artifact(path, (Path(_FOLDER) / path.parent.relative_to(folder)).as_posix())


def search_page(trials: Trials, sweep: Sweep, name: str, pictures: Sequence[Picture]) -> str:
    """Returns `search.html`, one HTML file with its pictures inside.

    Args:
        trials: With a result of one of them at least.
        sweep: The request.
        name: The search's.
        pictures: In their order.
    """
    environment = page_environment(Path(__file__).parent, html=True)
    return environment.get_template("search.html.j2").render(
        question=question(trials),
        answer=answer(trials),
        warning=warning(trials),
        trials=trials_grid(trials),
        best=None if len(trials.objectives) == 1 else trials_grid(trials, only_best=True),
        count=counted(len(trials.trials), "trial"),
        name=name,
        made=datetime.now(),
        experiment=sweep.experiment,
        command=shlex.join(["python", "-m", *sweep.argv]),
        version=__version__,
        pictures=pictures,
    )


def question(trials: Trials) -> str:
    """Returns the question that the search answers."""
    names = list(trials.names.values())
    wanted = " and ".join(objective.words for objective in trials.objectives)
    return f"Which {' and '.join(names) or 'values'} {'gives' if len(names) == 1 else 'give'} {wanted}?"


def answer(trials: Trials) -> str:
    """Names the best trial, or for two objectives the best trial of each: the ends of the Pareto front."""
    failed = len(trials.trials) - len(trials.finished)
    of = f"{counted(len(trials.trials), 'trial')}{f' ({failed} failed)' if failed else ''}"
    if len(trials.objectives) == 1:
        [best] = trials.best
        value = f"{trials.objectives[0].metric} {value_text(best.values[0])}"
        return f"{value} with {trials.sampled_text(best)}: trial {best.number}, the best of {of}."
    ends = [trials.best_of(place) for place in range(len(trials.objectives))]
    if ends[0] == ends[1]:
        both = zip(trials.objectives, ends[0].values, strict=True)
        values = " and ".join(f"{objective.metric} {value_text(value)}" for objective, value in both)
        rank = f"trial {ends[0].number}, the best of {of} in both objectives"
        return f"{values} with {trials.sampled_text(ends[0])}: {rank}."
    sentences = []
    for place, (objective, end) in enumerate(zip(trials.objectives, ends, strict=True)):
        other = f"{trials.objectives[1 - place].metric} {value_text(end.values[1 - place])}"
        words = objective.words[0].upper() + objective.words[1:]
        sentences.append(
            f"{words} is {value_text(end.values[place])} ({other}) with {trials.sampled_text(end)}: trial"
            f" {end.number}."
        )
    verb = "is" if len(trials.best) == 1 else "are"
    front = f"{len(trials.best)} of {of} {verb} on the Pareto front: no other is as good in both objectives"
    return " ".join([*sentences, f"{front} and better in one."])


def warning(trials: Trials) -> str:
    """Returns how far the best value can be trusted."""
    lucky = (
        "The best of many trials is partly the luckiest. Train it again with other seeds before it is"
        " compared with anything."
    )
    if searched_on_test_set(trials.objectives):
        return f"This was {ON_TEST_SET}. {lucky}"
    return lucky


def trials_grid(trials: Trials, *, only_best: bool = False) -> Grid:
    """Returns the trials as a table: all by number, or the best ones."""
    heads = ["trial", *(objective.metric for objective in trials.objectives), *trials.names.values()]
    rows = [
        [
            str(trial.number),
            *(map(value_text, trial.values) if trial.values else ["-"] * len(trials.objectives)),
            *(short_number(trial.sampled.get(key, "-")) for key in trials.names),
            *([] if only_best else [trial.reason or ""]),
        ]
        for trial in (trials.best if only_best else trials.trials)
    ]
    if only_best:
        return Grid(heads, rows, texts=())
    return Grid([*heads, "failure"], rows, texts=(len(heads),))


def front_table(trials: Trials) -> Table:
    """Returns the trials on the Pareto front as a table for the terminal."""
    grid = trials_grid(trials, only_best=True)
    table = plain_table("The Pareto front")
    for head in grid.heads:
        table.add_column(head, justify="right")
    for row in grid.rows:
        table.add_row(*row)
    return table


def plot_trials(trials: Trials, folder: Path) -> list[Picture]:
    """Plots a search into a folder, as PNG and PDF; the Pareto front, where there is one, comes first."""
    history = folder / "history.png"
    save_figure(history_figure(trials), history)
    pictures = [Picture(history, "The value of each trial, in their order, and the best until then.")]
    if len(trials.objectives) > 1:
        front = folder / "front.png"
        save_figure(front_figure(trials), front)
        caption = "Both objectives of every trial; those on the Pareto front have their number."
        pictures.insert(0, Picture(front, caption))
    return pictures


def history_figure(trials: Trials) -> Figure:
    """Plots the value of each trial, and the best so far, a panel for each objective.

    Args:
        trials: With a result of one of them at least.
    """
    count = len(trials.objectives)
    figure = Figure(figsize=(7.0, 3.2 * count), layout="constrained")
    numbers = [trial.number for trial in trials.finished]
    failed = [trial.number for trial in trials.trials if not trial.values]
    best = [trial.number for trial in trials.best]
    for place, objective in enumerate(trials.objectives):
        ax = figure.add_subplot(count, 1, place + 1)
        values = {trial.number: trial.values[place] for trial in trials.finished}
        running = trials.running_best(place)
        ax.plot(numbers, running, color=BLUE, drawstyle="steps-post", label="best so far")
        ax.plot(numbers, list(values.values()), "o", color=_FADED, markersize=5, label="trial")
        name = "best" if count == 1 else "front"
        ax.plot(best, [values[number] for number in best], "o", color=VERMILION, markersize=7, label=name)
        if failed:
            bottom = ax.get_xaxis_transform()  # In the vertical a share of the axis, whatever the values are.
            ax.plot(failed, [0.02] * len(failed), "x", color=VERMILION, transform=bottom, label="failed")
        ax.set_ylabel(f"{objective.metric}\n({_direction(objective.maximized)})")
        ax.set_xlabel("trial")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        _style(ax)
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def front_figure(trials: Trials) -> Figure:
    """Plots two objectives against each other, the Pareto front joined by a line.

    Args:
        trials: Of two objectives, with a result of one of them at least.
    """
    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    ax = figure.add_subplot()
    others = [trial.values for trial in trials.finished if trial not in trials.best]
    front = [trial.values for trial in trials.best]
    ax.plot([x for _, x in others], [y for y, _ in others], "o", color=_FADED, markersize=5, label="trial")
    xs, ys = [x for _, x in front], [y for y, _ in front]
    ax.plot(xs, ys, "o-", color=VERMILION, drawstyle="steps-post", label="front")
    for trial in trials.best:
        y, x = trial.values
        ax.annotate(str(trial.number), (x, y), textcoords="offset points", xytext=(5, 5), fontsize=8)
    first, second = trials.objectives
    ax.set_ylabel(f"{first.metric} ({_direction(first.maximized)})")
    ax.set_xlabel(f"{second.metric} ({_direction(second.maximized)})")
    _style(ax)
    ax.legend(frameon=False)
    return figure


def _direction(maximized: bool) -> str:
    return f"{'more' if maximized else 'less'} is better"


def _style(ax: Axes) -> None:
    ax.grid(color=GRID, linewidth=0.6)
    ax.set_axisbelow(True)


def _log_best(trials: Trials, tracker: Tracker) -> None:
    if len(trials.objectives) > 1:
        tracker.log_metrics({"search/front": float(len(trials.best))})
        return
    [best] = trials.best
    tracker.log_metrics({f"best/{trials.objectives[0].metric}": best.values[0], "best/trial": best.number})
    tracker.log_params({"best": {trials.names[key]: value for key, value in best.sampled.items()}})

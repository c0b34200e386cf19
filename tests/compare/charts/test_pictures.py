"""Figures are looked into before they become pixels."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from runner.compare.charts.chart import Chart
from runner.compare.charts.costs import COSTS, against_cost
from runner.compare.charts.drawing import attempt, save_figure
from runner.compare.charts.number_tables import chart_grid
from runner.compare.charts.pictures import MOST_PICTURES, draw_pictures
from runner.compare.charts.plot_costs import costs_figure
from runner.compare.charts.plot_curves import curves_figure
from runner.compare.charts.plot_groups import groups_figure
from runner.compare.charts.score_lines import along_factor, side_by_side
from runner.compare.charts.styles import COLOURS, MOST_COLOURS, ONE_COLOUR
from runner.compare.result import Result
from tests.compare.made_results import SHA
from tests.compare.made_sweeps import MEANS, NAME, SPARSITY, compared, run, schedules

DIGITS: dict[str, Any] = {"data_source": "digits", "data_sha256": SHA["digits"]}
BY_KEY = {cost.axis.key: cost for cost in COSTS}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for one in figure.legends for text in one.get_texts()]


def means(axis: Axes) -> dict[str, list[float]]:
    """The marks of each line by its colour."""
    lines = [line for line in axis.lines if line.get_marker() in ("o", "s", "^")]
    return {str(line.get_color()): [float(y) for y in np.asarray(line.get_ydata())] for line in lines}


def recipes(*accuracies: float, prefix: str = "r") -> list[Result]:
    """Each with an int8 file, the first of 100 bytes, each other of ten more."""
    return [
        run(
            {},
            seed,
            accuracy + seed / 1000,
            recipe=f"{prefix}{number}",
            metrics={
                "tflite_int8/accuracy": accuracy + seed / 1000,
                "tflite_int8/bytes": 100 + 10 * number,
            },
        )
        for number, accuracy in enumerate(accuracies)
        for seed in (1, 2, 3)
    ]


def test_where_seeds_differ_it_is_said_that_means_and_differences_may_disagree(tmp_path: Path) -> None:
    runs = recipes(0.9, 0.8)
    [picture, *_] = draw_pictures(compared(runs), tmp_path)
    assert "may disagree" not in picture.caption
    (tmp_path / "fewer").mkdir()
    [picture, *_] = draw_pictures(compared(runs[1:]), tmp_path / "fewer")
    assert "each group's own seeds, differences over those that two share" in picture.caption


def test_curves_have_means_bands_seeds_and_the_dense_level() -> None:
    comparison = compared(schedules(MEANS))
    figure, _ = curves_figure(along_factor(comparison, comparison.groups, comparison.factors[1]))
    top, below = figure.axes
    assert means(top) == {
        COLOURS[place]: pytest.approx(list(MEANS[name].values()))
        for place, name in enumerate(("constant", "polynomial"))
    }
    assert len(top.collections) == 2  # The bands.
    dots = [line for line in top.lines if line.get_marker() == "."]
    assert [len(np.asarray(line.get_ydata())) for line in dots] == [12, 12]
    dense = top.lines[-1]
    assert list(np.asarray(dense.get_ydata())) == [pytest.approx(0.99)] * 2
    assert legend(figure) == ["constant", "polynomial", "dense"]
    assert (below.get_xlabel(), top.get_ylabel()) == ("schedule.sparsity", "test accuracy")


def test_the_difference_is_filled_where_it_is_shown_and_shaded_from_there() -> None:
    comparison = compared(schedules(MEANS))
    figure, _ = curves_figure(along_factor(comparison, comparison.groups, comparison.factors[1]))
    below = figure.axes[1]
    faces = below.collections[1].get_facecolor()
    white = [bool(np.all(np.asarray(face)[:3] == 1.0)) for face in np.asarray(faces)]
    assert white == [True, True, False, False]
    [shade] = below.patches
    assert isinstance(shade, Rectangle)
    assert shade.get_x() == 0.875
    assert [text.get_text() for text in below.texts] == [
        "↑ polynomial better",
        "↓ constant better",
        "shown from 0.875 on",
    ]


def test_names_of_groups_are_whole_and_the_best_is_on_top() -> None:
    long = "structured_pruning_by_filters_with_a_name_of_sixty_letters_"
    comparison = compared(recipes(0.90, 0.91, 0.92, prefix=long))
    figure, _ = groups_figure(side_by_side(comparison, comparison.groups))
    axis = figure.axes[0]
    told = ["".join(text.get_text().split("\n")) for text in axis.get_yticklabels()]
    assert told == [f"{long}2", f"{long}1", f"{long}0"]
    assert axis.get_ylim()[0] > axis.get_ylim()[1]
    figure.savefig("/dev/null", format="png")
    for text in axis.get_yticklabels():
        assert text.get_window_extent().x0 >= 0


def test_fourteen_groups_have_fourteen_looks_and_no_label_hides_another() -> None:
    comparison = compared(recipes(*(0.9 + number / 1000 for number in range(14))))
    figure, _ = groups_figure(side_by_side(comparison, comparison.groups))
    figure.savefig("/dev/null", format="png")
    axis = figure.axes[0]
    extents = sorted((text.get_window_extent() for text in axis.get_yticklabels()), key=lambda box: box.y0)
    assert all(low.y1 < high.y0 for low, high in itertools.pairwise(extents))
    assert (
        len(
            {
                str(line.get_color())
                for line in axis.lines
                if line.get_markersize() == 7 and line.get_marker() != "."
            }
        )
        == 14
    )


def status_chart() -> Chart:
    """Of four files the last is better than a smaller one by no more than a step of its score."""
    comparison = compared(recipes(0.90, 0.95, 0.80, 0.951))
    chart = against_cost(comparison, comparison.groups, BY_KEY["bytes"], None)
    assert chart is not None
    return chart


def test_what_noise_leaves_undecided_is_a_ring_and_what_is_beaten_pale() -> None:
    figure, _ = costs_figure(status_chart())
    axis = figure.axes[0]
    marks = [one for one in axis.collections if one.get_zorder() == 3]
    faces = [tuple(np.asarray(face)) for one in marks for face in np.asarray(one.get_facecolor())]
    assert faces == [
        to_rgba(COLOURS[0]),
        to_rgba(COLOURS[1]),
        to_rgba(COLOURS[2], 0.45),
        to_rgba("white"),
    ]
    told = ["r0", "r1", "r2", "r3", "front of the means", "on the front", "undecided (noise)", "dominated"]
    assert legend(figure) == told
    [front] = [line for line in axis.lines if line.get_drawstyle() == "steps-post"]
    assert list(np.asarray(front.get_xdata())) == [100, 110, 130]


def test_files_of_one_size_stand_side_by_side() -> None:
    runs = [
        run(
            {NAME: name},
            seed,
            0.9 + seed / 100,
            metrics={
                "tflite_int8/accuracy": 0.9 + seed / 100,
                "tflite_int8/bytes": 1000.0,
                "tflite_float32/accuracy": 0.9 + seed / 100,
                "tflite_float32/bytes": 4000.0,
            },
        )
        for name in ("constant", "polynomial")
        for seed in (1, 2)
    ]
    comparison = compared(runs)
    chart = against_cost(comparison, comparison.groups, BY_KEY["bytes"], None)
    assert chart is not None
    figure, _ = costs_figure(chart)
    axis = figure.axes[0]
    offsets = np.concatenate(
        [np.asarray(one.get_offsets()) for one in axis.collections if one.get_zorder() == 3]
    )
    across = axis.transData.transform(offsets)[:, 0]
    assert len(across) == 4
    assert np.diff(np.sort(across)).min() * 72 / figure.dpi > 4


def test_each_picture_is_written_twice_with_its_numbers(tmp_path: Path) -> None:
    sizes = {"tflite_int8/accuracy": 0.9, "tflite_int8/gzip_bytes": 100.0}
    runs = [
        one
        for scale, name in ((1.0, "constant"), (1.1, "polynomial"))
        for one in schedules({name: MEANS[name]}, metrics={**sizes, "tflite_int8/gzip_bytes": 100.0 * scale})
    ]
    pictures = draw_pictures(compared(runs), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "accuracy_by_gzip_bytes.pdf",
        "accuracy_by_gzip_bytes.png",
        "accuracy_by_schedule_sparsity.pdf",
        "accuracy_by_schedule_sparsity.png",
    ]
    assert (tmp_path / "accuracy_by_gzip_bytes.pdf").read_bytes().startswith(b"%PDF")
    assert [picture.title for picture in pictures] == [
        "Test accuracy against schedule.sparsity",
        "Test accuracy against gzipped file size",
    ]
    grid = pictures[0].grid
    assert grid is not None
    assert tuple(grid.heads) == (
        "schedule.sparsity",
        "constant",
        "polynomial",
        "dense",
        "polynomial \N{MINUS SIGN} constant (95% interval)",
    )
    assert grid.rows[3][:4] == ["0.95", "0.8000 ± 0.0025", "0.9300 ± 0.0030", "0.9900"]
    assert grid.rows[3][4].startswith("+0.1300 (+0.12")
    assert pictures[0].caption.startswith(
        "Test accuracy along schedule.sparsity: means over 3 seeds with 95% intervals; small dots are runs."
    )
    assert "plots/accuracy_by_schedule_sparsity.pdf" in pictures[0].caption


def test_the_same_runs_make_the_same_files(tmp_path: Path) -> None:
    comparison = compared(schedules(MEANS))
    for name in "ab":
        (tmp_path / name).mkdir()
        draw_pictures(comparison, tmp_path / name)
    for suffix in ("png", "pdf"):
        file = f"accuracy_by_schedule_sparsity.{suffix}"
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_each_data_set_has_pictures_of_its_own(tmp_path: Path) -> None:
    runs = [*schedules(MEANS), *schedules(MEANS, **DIGITS)]
    found = [picture.path.stem for picture in draw_pictures(compared(runs), tmp_path)]
    assert found == ["accuracy_by_schedule_sparsity_mnist", "accuracy_by_schedule_sparsity_digits"]


def test_more_pictures_than_anyone_looks_at_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.compare.charts.pictures.MOST_PICTURES", 1)
    runs = [*schedules(MEANS), *schedules(MEANS, **DIGITS)]
    [picture] = draw_pictures(compared(runs), tmp_path)
    assert MOST_PICTURES > 1
    assert "1 more pictures are not drawn" in picture.caption


def test_of_many_groups_the_best_are_drawn_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.compare.charts.pictures.MOST_GROUPS", 2)
    picture, *_ = draw_pictures(compared(recipes(0.91, 0.93, 0.92)), tmp_path)
    assert " The best 2 of 3 groups. " in picture.caption
    assert picture.grid is not None
    assert [row[0] for row in picture.grid.rows] == ["r1", "r2"]


def test_nothing_is_drawn_without_a_score(tmp_path: Path) -> None:
    assert draw_pictures(compared([run({}, 1, None)]), tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_table_of_costs_gives_the_status_in_words() -> None:
    grid = chart_grid(status_chart())
    assert tuple(grid.heads) == ("group", "file", "file size, bytes", "test accuracy", "Pareto front")
    assert list(grid.rows) == [
        ("r0", "int8", "100", "0.9020 ± 0.0025", "on the front"),
        ("r1", "int8", "110", "0.9520 ± 0.0025", "on the front"),
        ("r2", "int8", "120", "0.8020 ± 0.0025", "dominated"),
        ("r3", "int8", "130", "0.9530 ± 0.0025", "undecided"),
    ]


def test_many_lines_stand_below_each_other_in_the_table() -> None:
    runs = [
        run({NAME: f"s{n}", SPARSITY: s}, seed, 0.9 + seed / 100)
        for n in range(7)
        for s in (0.5, 0.9)
        for seed in (1, 2)
    ]
    comparison = compared(runs)
    grid = chart_grid(along_factor(comparison, comparison.groups, comparison.factors[1]))
    assert tuple(grid.heads) == ("line", "schedule.sparsity", "test accuracy", "seeds")
    assert grid.rows[1] == ("s0", "0.9", "0.9150 ± 0.0635", "2")
    assert len(grid.rows) == 14


@pytest.mark.parametrize("level", ["$\\frac{1}$", "_hidden", "a^b$c$", "$"])
def test_levels_and_keys_are_drawn_as_they_are_written(tmp_path: Path, level: str) -> None:
    key = "model.$\\badcmd$"
    runs = [run({NAME: name, key: level}, 1, 0.9, recipe=f"r{level}") for name in (level, "b", "c")]
    [picture] = draw_pictures(compared(runs), tmp_path)
    assert picture.drawn
    comparison = compared(
        [run({NAME: name, SPARSITY: s}, 1, 0.9) for name in (level, "b") for s in (0.5, 0.9)]
    )
    with attempt(tmp_path / "a.png") as tried:
        figure, _ = curves_figure(along_factor(comparison, comparison.groups, comparison.factors[1]))
        save_figure(figure, tmp_path / "a.png")
    assert tried.failure == ""
    assert [name.removeprefix("name=") for name in legend(figure)] == [level, "b"]


def test_a_picture_that_fails_leaves_its_numbers_and_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such font")

    monkeypatch.setattr("runner.compare.charts.pictures.groups_figure", broken)
    first, second = draw_pictures(compared(recipes(0.91, 0.93, 0.92)), tmp_path)
    assert first.caption == "accuracy.png could not be drawn (ValueError: no such font)."
    assert first.grid is not None
    assert (first.drawn, second.drawn) == (False, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "accuracy_by_bytes.pdf",
        "accuracy_by_bytes.png",
    ]


def test_scores_whose_squares_overflow_are_drawn(tmp_path: Path) -> None:
    with np.errstate(over="ignore"):
        comparison = compared([run({NAME: n}, s, 1e200 * s) for n in ("a", "b") for s in (1, 2)])
    [picture] = draw_pictures(comparison, tmp_path)
    assert picture.drawn
    figure, _ = groups_figure(side_by_side(comparison, comparison.groups))
    figure.savefig("/dev/null", format="png")
    assert all(len(label.get_text()) < 8 for label in figure.axes[0].get_xticklabels())


def test_captions_name_the_scales_and_what_is_moved() -> None:
    comparison = compared(schedules(MEANS))
    _, notes = curves_figure(along_factor(comparison, comparison.groups, comparison.factors[1]))
    assert notes == [
        "Test accuracy has a logarithmic scale of its error.",
        "Differences beyond 0.0015 have a logarithmic scale.",
        "Sparsities stand by the weights that remain, on a logarithmic scale.",
    ]
    plain = compared(recipes(0.91, 0.93, 0.92))
    assert groups_figure(side_by_side(plain, plain.groups))[1] == []
    sizes = {"tflite_int8/accuracy": 0.9, "tflite_float32/accuracy": 0.9}
    sizes |= {"tflite_int8/bytes": 1000.0, "tflite_float32/bytes": 4000.0}
    moved = compared([run({NAME: name}, 1, 0.9, metrics=sizes) for name in ("constant", "polynomial")])
    chart = against_cost(moved, moved.groups, BY_KEY["bytes"], None)
    assert chart is not None
    assert costs_figure(chart)[1] == ["Marks of one cost stand side by side; the table has their costs."]


def test_lines_without_a_legend_are_named_in_the_table() -> None:
    runs = [run({NAME: f"s{n}", SPARSITY: s}, 1, 0.9) for n in range(MOST_COLOURS + 1) for s in (0.5, 0.9)]
    comparison = compared(runs)
    figure, notes = curves_figure(along_factor(comparison, comparison.groups, comparison.factors[1]))
    assert legend(figure) == []
    assert ONE_COLOUR in notes


def test_intervals_beyond_any_accuracy_are_explained(tmp_path: Path) -> None:
    runs = [run({}, seed, 0.5 + seed / 10, recipe=name) for name in "ab" for seed in (1, 2)]
    [picture] = draw_pictures(compared(runs), tmp_path)
    assert "reaches beyond any possible accuracy" in picture.caption
    [picture] = draw_pictures(
        compared([run({}, s, 0.5 + s / 1000, recipe=n) for n in "ab" for s in (1, 2)]), tmp_path
    )
    assert "possible" not in picture.caption

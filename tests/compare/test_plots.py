"""The figures are looked into before they become pixels."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from runner.compare.comparison import Comparison, compare
from runner.compare.plots import MOST_NAMED, plot_score_by_gzip_bytes, plot_score_by_sparsity
from runner.compare.score import TEST_ACCURACY, TEST_SQUARED_ERROR
from tests.compare.made_results import SHA, errors, groups, results


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    saved: list[Figure] = []
    save = Figure.savefig

    def remember(figure: Figure, *arguments: Any, **options: Any) -> None:
        saved.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", remember)
    return saved


def sized(accuracy: float, keras: int, tflite: int) -> dict[str, float]:
    return {
        "model/keras_gzip_bytes": keras,
        "tflite_float32/accuracy": accuracy,
        "tflite_float32/gzip_bytes": tflite,
    }


def two_recipes() -> Comparison:
    return compare(
        groups(
            results("good", [0.90, 0.92], metrics=sized(0.90, 4_000, 3_000)),
            results("bad", [0.70, 0.72], metrics=sized(0.70, 5_000, 2_000) | {"sparsity/_model": 0.5}),
        )
    )


def xs(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_xdata())]


def ys(line: Line2D) -> list[float]:
    return [float(value) for value in np.asarray(line.get_ydata())]


def labels(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_scores_against_sparsity(tmp_path: Path, figures: list[Figure]) -> None:
    path = tmp_path / "a.png"
    assert plot_score_by_sparsity(two_recipes(), TEST_ACCURACY, path)
    assert path.read_bytes().startswith(b"\x89PNG")
    (axis,) = figures[0].axes
    means = [(xs(line)[0], ys(line)[0]) for line in axis.lines if line.get_marker() in ("o", "s")]
    assert means == [pytest.approx((87.5, 0.91)), pytest.approx((50.0, 0.71))]
    dots = [ys(line) for line in axis.lines if line.get_marker() == "."]
    assert dots == [[0.90, 0.92], [0.70, 0.72]]
    assert axis.get_xlabel() == "zeros in the whole model"
    assert labels(figures[0]) == ["good", "bad"]


def test_marks_of_one_sparsity_do_not_hide_each_other(tmp_path: Path, figures: list[Figure]) -> None:
    plot_score_by_sparsity(
        compare(groups(*(results(name, [0.5]) for name in "abc"))), TEST_ACCURACY, tmp_path / "a.png"
    )
    places = [xs(line)[0] for line in figures[0].axes[0].lines if line.get_marker() in ("o", "s", "^")]
    assert len({round(place, 6) for place in places}) == 3
    assert sum(places) / 3 == pytest.approx(87.5)


def test_marks_of_almost_one_sparsity_are_a_marks_width_apart(tmp_path: Path, figures: list[Figure]) -> None:
    eight = [results(f"r{n}", [0.99, 0.98], metrics={"sparsity/_model": 0.87 + n * 1e-4}) for n in range(8)]
    plot_score_by_sparsity(compare(groups(*eight)), TEST_ACCURACY, tmp_path / "a.png")
    (axis,) = figures[0].axes
    marks = [line for line in axis.lines if line.get_markersize() == 7]
    assert len(marks) == 8
    across = [axis.transData.transform((xs(line)[0], 0.98))[0] for line in marks]
    points = [(right - left) * 72 / figures[0].dpi for left, right in itertools.pairwise(across)]
    assert min(points) > 7
    # Neither do two recipes look alike.
    assert len({str(line.get_color()) for line in marks}) == 8


def test_an_axis_of_accuracies_ends_where_they_end(tmp_path: Path, figures: list[Figure]) -> None:
    wide = compare(groups(results("a", [1.0, 0.98], metrics=sized(0.99, 4_000, 3_000))))
    plot_score_by_sparsity(wide, TEST_ACCURACY, tmp_path / "a.png")
    plot_score_by_gzip_bytes(wide, TEST_ACCURACY, tmp_path / "b.png")
    low = compare(groups(results("a", [0.0, 0.02], metrics=sized(0.01, 4_000, 3_000))))
    plot_score_by_sparsity(low, TEST_ACCURACY, tmp_path / "c.png")
    assert [figure.axes[0].get_ylim()[1] for figure in figures[:2]] == [1.0, 1.0]
    assert figures[2].axes[0].get_ylim()[0] == 0.0


def test_the_pareto_front_of_size_and_score(tmp_path: Path, figures: list[Figure]) -> None:
    assert plot_score_by_gzip_bytes(two_recipes(), TEST_ACCURACY, tmp_path / "a.png")
    (axis,) = figures[0].axes
    (front,) = [line for line in axis.lines if line.get_drawstyle() == "steps-post"]
    assert xs(front) == [2_000, 3_000, 4_000]
    assert ys(front) == pytest.approx([0.70, 0.90, 0.91])
    legend = axis.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "Keras file",
        "float32 TFLite",
        "Pareto front, filled",
    ]
    hollow = [
        xs(line)
        for line in axis.lines
        if line.get_markerfacecolor() == "white" and line.get_marker() in ("o", "s")
    ]
    assert hollow == [[5_000]]


def test_many_recipes_have_no_legend(tmp_path: Path, figures: list[Figure]) -> None:
    many = compare(groups(*(results(f"r{number}", [0.5]) for number in range(MOST_NAMED + 1))))
    assert plot_score_by_sparsity(many, TEST_ACCURACY, tmp_path / "a.png")
    assert figures[0].legends == []


def test_nothing_is_drawn_without_numbers(tmp_path: Path) -> None:
    comparison = compare(groups(results("a", [0.5], metrics={"sparsity/_model": None})))
    assert not plot_score_by_sparsity(comparison, TEST_ACCURACY, tmp_path / "a.png")
    assert not plot_score_by_gzip_bytes(comparison, TEST_ACCURACY, tmp_path / "b.png")
    assert list(tmp_path.iterdir()) == []


def test_each_data_set_has_a_front_of_its_own(tmp_path: Path, figures: list[Figure]) -> None:
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    hard = results("hard", [0.5, 0.52], metrics=sized(0.5, 4_000, 3_000))
    easy = results("easy", [0.9, 0.92], metrics=sized(0.9, 2_000, 1_000), **digits)
    assert plot_score_by_gzip_bytes(compare(groups(hard, easy)), TEST_ACCURACY, tmp_path / "a.png")
    (axis,) = figures[0].axes
    fronts = [xs(line) for line in axis.lines if line.get_drawstyle() == "steps-post"]
    assert fronts == [[3_000, 4_000], [1_000, 2_000]]


def test_each_score_has_a_picture_of_its_own(tmp_path: Path, figures: list[Figure]) -> None:
    sizes = {"model/keras_gzip_bytes": 10}
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    comparison = compare(
        groups(results("a", [0.5, 0.5], metrics=sizes), errors("b", [2.0, 2.0], metrics=sizes, **digits))
    )
    for score in comparison.scores:
        assert plot_score_by_gzip_bytes(comparison, score, tmp_path / "a.png")
        assert plot_score_by_sparsity(comparison, score, tmp_path / "b.png")
    assert [figure.axes[0].get_ylabel() for figure in figures] == [
        f"test {name}, mean and 95% interval" for name in ("accuracy", "mean squared error") for _ in "ab"
    ]
    assert [ys(figure.axes[0].lines[0])[0] for figure in figures] == [0.5, 0.5, 2.0, 2.0]


def test_nothing_is_drawn_of_a_score_that_nobody_has(tmp_path: Path) -> None:
    comparison = compare(groups(results("a", [0.5], metrics={"model/keras_gzip_bytes": 10})))
    assert not plot_score_by_gzip_bytes(comparison, TEST_SQUARED_ERROR, tmp_path / "a.png")

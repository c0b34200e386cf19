from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from runner.plan.schedule_curve import curve_of
from runner.pruning import ConstantSparsity, PolynomialDecay
from runner.pruning.schedules import LinearSparsity
from runner.report.palette import DOTS_PER_INCH
from runner.report.plots import (
    measured_by_rule,
    sparsity_figure,
    training_figure,
)
from runner.training import History
from tests.report.planned_rules import plan

GRADUAL = LinearSparsity(0.0, 0.8, 2, 6, frequency=3)


def points(panel: Axes, label: str) -> list[tuple[float, float]]:
    [line] = [line for line in panel.get_lines() if line.get_label() == label]
    return [(float(x), float(y)) for x, y in np.asarray(line.get_xydata())]


def test_a_panel_shows_masks_schedule_and_updates() -> None:
    figure = sparsity_figure([("all", curve_of(GRADUAL, 8))], {"all": [(2, 0.0), (5, 0.61)]})

    [panel] = figure.axes
    assert panel.get_title(loc="left") == "all: LinearSparsity to 0.8, 3 updates in steps 2-6"
    np.testing.assert_allclose(points(panel, "masks"), [(0, 0), (2, 0), (5, 0.6), (6, 0.8), (8, 0.8)])
    [masks] = [line for line in panel.get_lines() if line.get_label() == "masks"]
    assert masks.get_drawstyle() == "steps-post"
    wanted = [(2, 0), (3, 0.2), (4, 0.4), (5, 0.6), (6, 0.8), (7, 0.8), (8, 0.8)]
    np.testing.assert_allclose(points(panel, "schedule"), wanted, atol=1e-12)
    assert points(panel, "measured, every layer") == [(2, 0), (5, 0.61)]
    assert [x for x, _ in points(panel, "mask updates")] == [2, 5, 6]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "masks",
        "schedule",
        "measured, every layer",
        "mask updates",
    ]


def test_the_end_of_training_is_drawn_where_it_sets_the_masks() -> None:
    figure = sparsity_figure([("cut", curve_of(LinearSparsity(0.0, 0.8, 0, 8, frequency=3), 5))], {})

    np.testing.assert_allclose(points(figure.axes[0], "masks"), [(0, 0), (1, 0.1), (3, 0.3), (5, 0.5)])


def test_a_jump_of_a_long_training_stands_straight() -> None:
    figure = sparsity_figure([("late", curve_of(ConstantSparsity(0.5, 70_001, 100_000, 1000), 100_000))], {})

    assert points(figure.axes[0], "schedule")[0] == (70_001, 0.5)
    assert len(points(figure.axes[0], "schedule")) < 500


@pytest.mark.parametrize(("rules", "grid"), [(1, (1, 1)), (3, (3, 1)), (4, (2, 2)), (11, (6, 2))])
def test_every_rule_has_a_panel_on_the_same_axes(rules: int, grid: tuple[int, int]) -> None:
    figure = sparsity_figure([(f"rule_{n}", curve_of(GRADUAL, 8)) for n in range(rules)], {})

    shown = [panel for panel in figure.axes if panel.axison]
    assert [panel.get_title(loc="left").split(":")[0] for panel in shown] == [
        f"rule_{n}" for n in range(rules)
    ]
    assert {(panel.get_xlim(), panel.get_ylim()) for panel in shown} == {(shown[0].get_xlim(), (-0.14, 1.04))}
    specification = shown[0].get_subplotspec()
    assert specification is not None
    assert specification.get_gridspec().get_geometry() == grid
    figure.draw_without_rendering()
    assert all(any(label.get_text() for label in panel.get_xticklabels()) for panel in shown[-grid[1] :])


def test_panels_titles_and_legend_do_not_overlap() -> None:
    long = "block_12_expand_and_project_convolution"
    figure = sparsity_figure(
        [(f"{long}_{n}", curve_of(PolynomialDecay(0, 0.9, 0, 1200), 1200)) for n in range(4)], {}
    )

    figure.draw_without_rendering()

    titles = [panel._left_title.get_window_extent() for panel in figure.axes]  # type: ignore[attr-defined]
    panels = [panel.get_window_extent() for panel in figure.axes]
    legend = figure.legends[0].get_window_extent()
    boxes = [*titles, *panels, legend]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in boxes)


def test_what_was_measured_is_collected_by_rule() -> None:
    measured = (
        (2, "sparsity/one_1", 0.1),
        (2, "sparsity/one_2", 0.1),
        (1, "sparsity/one_1", 0.0),
        (2, "sparsity/other_1", 0.5),
        (2, "sparsity/_pruned_layers", 0.3),
        (2, "train/loss", 9.0),
    )
    by_rule = measured_by_rule(
        plan(30, one=GRADUAL, other=ConstantSparsity(0.5, 0, 30, 10)), History(measured)
    )

    assert by_rule == {"one": [(1, 0.0), (2, 0.1)], "other": [(2, 0.5)]}


def test_loss_and_accuracy_are_drawn_with_the_mask_updates_marked() -> None:
    measured = [
        (4, "train/loss", 2.0),
        (4, "val/loss", 2.5),
        (4, "train/accuracy", 0.5),
        (8, "train/loss", 1.0),
    ]
    figure = training_figure(History(tuple(measured)), [2, 5, 6])

    loss, accuracy = figure.axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")
    assert points(loss, "training (mean over the epoch)") == [(4, 2), (8, 1)]
    assert points(loss, "validation") == [(4, 2.5)]
    assert points(accuracy, "training (mean over the epoch)") == [(4, 0.5)]
    for panel in (loss, accuracy):
        [marks] = panel.collections
        assert marks.get_label() == "mask updates"
        assert [float(np.asarray(path.vertices)[0, 0]) for path in marks.get_paths()] == [2, 5, 6]


def test_a_regression_has_no_panel_of_accuracy() -> None:
    [panel] = training_figure(History(((4, "train/loss", 2.0),)), []).axes

    assert panel.get_ylabel() == "loss"


def test_the_pictures_are_written(tmp_path: Path) -> None:
    history = History(((30, "train/loss", 2.0), (30, "sparsity/one_1", 0.8)))
    two = plan(30, one=GRADUAL, other=ConstantSparsity(0.5, 0, 30, 10))

    by_rule = sparsity_figure(two.curves, measured_by_rule(two, history))
    by_rule.savefig(tmp_path / "sparsity.png", dpi=DOTS_PER_INCH)
    training_figure(history, [1]).savefig(tmp_path / "training.png", dpi=DOTS_PER_INCH)

    assert imread(tmp_path / "sparsity.png").shape[:2] == (612, 864)
    assert imread(tmp_path / "training.png").shape[:2] == (372, 864)


def test_the_name_of_a_rule_is_no_formula(tmp_path: Path) -> None:
    name = "a$\\frac{1}$"
    figure = sparsity_figure([(name, curve_of(GRADUAL, 8))], {})
    figure.savefig(tmp_path / "a.png")
    assert figure.axes[0].get_title(loc="left").startswith(f"{name}: ")

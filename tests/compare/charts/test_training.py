from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from runner.compare.charts import training
from runner.compare.charts.training import Series, average, plot_along_training, read_curves
from runner.compare.comparison import Comparison, compare
from tests.compare.made_results import groups, results

LOGGED = {"sparsity/_pruned_layers": 0.875, "val/accuracy": 0.9, "train/accuracy": 0.9}


def history(run_id: str, name: str) -> Series:
    """Rises with the steps, and by the seed, which is the last word of the run's id."""
    seed = int(run_id.split()[-1])
    return tuple((step, seed + step / 100) for step in (10, 20))


def test_curves_are_means_over_the_steps_that_all_seeds_have() -> None:
    curve = average([((1, 0.0), (2, 0.5), (3, 1.0)), ((2, 0.7), (3, 0.8), (4, 0.9)), ()])
    assert curve is not None
    assert list(curve.steps) == [2, 3]
    np.testing.assert_allclose(curve.mean, [0.6, 0.9])
    np.testing.assert_allclose(curve.low, [0.5, 0.8])
    np.testing.assert_allclose(curve.high, [0.7, 1.0])


@pytest.mark.parametrize("series", [[], [()], [((1, 0.5),), ((2, 0.5),)]])
def test_without_a_common_step_there_is_no_curve(series: list[Series]) -> None:
    assert average(series) is None


def two_recipes() -> Comparison:
    return compare(groups(*(results(name, [0.5, 0.6], metrics=LOGGED) for name in "ab")))


def test_sparsity_and_validation_are_read_of_every_seed() -> None:
    asked: list[tuple[str, str]] = []

    def remember(run_id: str, name: str) -> Series:
        asked.append((run_id, name))
        return history(run_id, name)

    curves = read_curves(two_recipes(), remember)
    assert sorted(asked) == sorted(
        (f"{recipe} {seed}", name)
        for recipe in "ab"
        for seed in (1, 2)
        for name in ("sparsity/_pruned_layers", "val/accuracy")
    )
    assert list(curves.axes.values()) == ["sparsity of pruned layers", "validation accuracy"]
    np.testing.assert_allclose(curves.by_recipe["b"]["val/accuracy"].mean, [1.6, 1.7])
    assert curves.caption == (
        "Sparsity of pruned layers and validation accuracy along training: the mean over seeds, and"
        " a band from"
        " the lowest seed to the highest."
    )


def test_without_validation_the_training_accuracy_is_read() -> None:
    metrics = {"train/accuracy": 0.9}
    curves = read_curves(compare(groups(results("a", [0.5], metrics=metrics))), history)
    assert curves.axes == {"train/accuracy": "training accuracy"}


def test_what_takes_too_long_is_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_HISTORIES", 8)
    many = compare(groups(*(results(f"r{n}", [0.5, 0.6], metrics=LOGGED) for n in range(9))))
    curves = read_curves(many, history)
    assert list(curves.by_recipe) == [f"r{n}" for n in range(7)]
    np.testing.assert_allclose(curves.by_recipe["r0"]["val/accuracy"].mean, [1.1, 1.2])
    assert curves.caption.endswith("The first 7 of 9 recipes. At most 1 seed of each recipe.")


def test_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: saved.append(figure))
    assert plot_along_training(read_curves(two_recipes(), history), tmp_path / "a.png")
    above, below = saved[0].axes
    assert (above.get_ylabel(), below.get_ylabel()) == ("sparsity of pruned layers", "validation accuracy")
    for line in below.lines:
        np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), [1.6, 1.7])
    assert len(below.lines) == 2
    assert below.lines[0].get_color() != below.lines[1].get_color()
    assert below.lines[0].get_linestyle() != below.lines[1].get_linestyle()
    assert len(below.collections) == 2


def test_shares_are_percent_and_accuracies_end_at_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: saved.append(figure))
    curves = read_curves(two_recipes(), lambda run, name: ((1, 0.5), (2, 1.0)))
    assert plot_along_training(curves, tmp_path / "a.png")
    above, below = saved[0].axes
    saved[0].draw_without_rendering()
    assert "80%" in [label.get_text() for label in above.get_yticklabels()]
    assert below.get_ylim()[1] == 1.0


def test_without_curves_there_is_no_picture(tmp_path: Path) -> None:
    curves = read_curves(compare(groups(results("a", [0.5]))), history)
    assert not plot_along_training(curves, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()

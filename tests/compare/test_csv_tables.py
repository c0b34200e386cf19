from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from runner.compare.comparison import compare
from runner.compare.csv_tables import comparison_frame, differences_frame, means_frame
from runner.compare.groups import make_groups
from runner.compare.score import named_score
from tests.compare.made_results import failed, groups, result, results, swept

PLAIN = {"test/loss": None, "model/weights": None, "model/nonzero_weights": None, "training/steps": 7}
NAME, SPARSITY = "layers.all.schedule.name", "layers.all.schedule.sparsity"


def written(frame: pd.DataFrame, path: Path) -> list[str]:
    frame.to_csv(path, index=False, float_format="%.4g")
    return path.read_text().splitlines()


def test_every_run_is_a_row_and_every_factor_a_column(tmp_path: Path) -> None:
    first = results("study/a", [0.5, 0.75], metrics=PLAIN)
    comparison = compare(groups(first, results("study/b", [0.25], metrics=PLAIN)))
    assert written(comparison_frame(comparison), tmp_path / "a.csv") == [
        "recipe,seed,group,test/accuracy,sparsity/_model,training/total_steps,data,run_id",
        "a,1,a,0.5,0.875,7,mnist,study/a 1",
        "a,2,a,0.75,0.875,7,mnist,study/a 2",
        "b,1,b,0.25,0.875,7,mnist,study/b 1",
    ]


def test_levels_that_are_numbers_are_written_as_numbers() -> None:
    made = swept({NAME: (), SPARSITY: ()}, {("constant", 0.5): [0.9], ("polynomial", 0.95): [0.8]})
    frame = comparison_frame(compare(made))
    assert list(frame["schedule.name"]) == ["constant", "polynomial"]
    # Both keys change together here, so the second follows from the first.
    assert "schedule.sparsity" not in frame
    made = swept({NAME: (), SPARSITY: ()}, {(n, s): [0.9] for n in ("c", "p") for s in (0.5, 0.95)})
    assert list(comparison_frame(compare(made))["schedule.sparsity"]) == [0.5, 0.95, 0.5, 0.95]


def test_every_group_has_its_means(tmp_path: Path) -> None:
    first = [*results("a", [0.5, 0.75], metrics=PLAIN), failed("a", 3)]
    frame = means_frame(compare(groups(first, results("b", [0.25], metrics=PLAIN))))
    lines = written(frame[[name for name in frame if "total_steps" not in str(name)]], tmp_path / "a.csv")
    assert lines == [
        "recipe,group,seeds,failed,test/accuracy,test/accuracy/low,test/accuracy/high,"
        "sparsity/_model,sparsity/_model/low,sparsity/_model/high",
        "a,a,2,1,0.625,-0.9633,2.213,0.875,0.875,0.875",
        "b,b,1,0,0.25,,,0.875,,",
    ]


def test_every_difference_has_a_row() -> None:
    dense = results("c", [0.99, 0.992], metrics={"sparsity/_model": 0.0, "model/nonzero_weights": 1})
    frame = differences_frame(
        compare(groups(results("a", [0.5, 0.75]), results("b", [0.625, 0.8125]), dense))
    )
    assert list(frame["first"] + frame["second"]) == ["ab", "ac", "bc"]
    assert frame["difference"][0] == pytest.approx(0.09375)
    assert list(frame["seeds"].dropna()) == [2]
    assert frame["better"][0] == ""
    assert frame["note"][1].startswith("not ranked: unequal numbers of non-zero weights, 50,000 and 1, at")


def test_differences_are_told_at_each_level_of_the_other_factors() -> None:
    noise = [0.0, 0.001, 0.002, 0.0005]
    scores = {
        (name, level): [0.9 + n + gain * (name == "polynomial") for n in noise]
        for name in ("constant", "polynomial")
        for level, gain in ((0.5, 0.0), (0.9, 0.05))
    }
    frame = differences_frame(compare(swept({NAME: (), SPARSITY: ()}, scores)))
    own = frame[frame["factor"] == "schedule.name"]
    assert list(own["at"].fillna("")) == ["", "schedule.sparsity", "schedule.sparsity"]
    assert list(own["level"].fillna("")) == ["", "0.5", "0.9"]
    assert list(own["difference"]) == pytest.approx([0.025, 0.0, 0.05])
    assert list(own["better"]) == ["polynomial", "", "polynomial"]
    assert list(own["settings"]) == [2, 1, 1]
    assert list(own["left_out"]) == [0, 0, 0]
    assert own["p_depends"].isna().tolist() == [True, False, False]
    assert own["p_depends"].iloc[1] == own["p_depends"].iloc[2] < 0.001


def test_a_setting_that_is_left_out_is_counted_and_named() -> None:
    scores = {
        (name, level): [0.9, 0.901, 0.903]
        for name in ("constant", "polynomial")
        for level in (0.5, 0.75, 0.9)
    }
    runs = [
        replace(run, seed=run.seed + 3) if run.variation.endswith("0.9") else run
        for group in swept({NAME: (), SPARSITY: ()}, scores).groups
        for run in group.results
    ]
    frame = differences_frame(compare(groups(runs)))
    over_all, *levels = frame[frame["factor"] == "schedule.name"].to_dict("records")
    assert (over_all["settings"], over_all["left_out"]) == (2, 1)
    assert over_all["note"].startswith("left out: 0.9, without all of the seeds")
    assert [row["level"] for row in levels] == ["0.5", "0.75", "0.9"]


def test_what_ranks_is_the_first_column() -> None:
    runs = [*results("a", [0.5, 0.6], metrics={"val/accuracy": 0.4}), *results("b", [0.5, 0.6])]
    comparison = compare(make_groups(runs, named_score("val/accuracy", {"val/accuracy"})))
    frame = comparison_frame(comparison)
    assert list(frame.columns)[3:5] == ["val/accuracy", "test/accuracy"]
    assert list(frame["val/accuracy"].dropna()) == [0.4, 0.4]
    assert "val/accuracy" in means_frame(comparison)


def test_lost_runs_leave_the_verdict_open() -> None:
    first = [*results("a", [0.980, 0.981, 0.982]), result("a", 4, 0.983)]
    frame = differences_frame(compare(groups(first, [*results("b", [0.983, 0.985, 0.985]), failed("b", 4)])))
    assert frame["better"][0] == ""
    assert frame["note"][0] == "left open: b has no result at seed 4 (the loss became nan)"


def test_one_recipe_has_no_differences(tmp_path: Path) -> None:
    differences_frame(compare(groups(results("a", [0.5])))).to_csv(tmp_path / "a.csv", index=False)
    assert list(pd.read_csv(tmp_path / "a.csv").columns)[:3] == ["factor", "first", "second"]

from pathlib import Path

import pandas as pd
import pytest

from runner.compare import frames
from runner.compare.comparison import compare
from runner.compare.frames import comparison_frame, pairs_frame
from tests.compare.made_results import failed, groups, result, results

PLAIN = {"test/loss": None, "model/weights": None, "model/nonzero_weights": None, "training/steps": 7}


def test_comparison_csv(tmp_path: Path) -> None:
    first = results("study/a", [0.5, 0.75], metrics=PLAIN)
    frame = comparison_frame(compare(groups(first, results("study/b", [0.25], metrics=PLAIN))))
    frame.to_csv(tmp_path / "a.csv", index=False, float_format="%.4g")
    assert (tmp_path / "a.csv").read_text().splitlines() == [
        "recipe,row,seed,accuracy,sparsity,training_steps,data,run_id,variation",
        "a,seed,1,0.5,0.875,7,mnist,study/a 1,study/a",
        "a,seed,2,0.75,0.875,7,mnist,study/a 2,study/a",
        "a,mean,,0.625,0.875,7,mnist,,study/a",
        "a,low,,-0.9633,0.875,7,mnist,,study/a",
        "a,high,,2.213,0.875,7,mnist,,study/a",
        "b,seed,1,0.25,0.875,7,mnist,study/b 1,study/b",
        "b,mean,,0.25,0.875,7,mnist,,study/b",
        "b,low,,,,,mnist,,study/b",
        "b,high,,,,,mnist,,study/b",
    ]


def test_every_pair_has_a_line() -> None:
    dense = results("c", [0.99, 0.992], metrics={"sparsity/_model": 0.0, "model/nonzero_weights": 1})
    comparison = compare(groups(results("a", [0.5, 0.75]), results("b", [0.625, 0.8125]), dense))
    frame = pairs_frame(comparison)
    assert list(frame["first"] + frame["second"]) == ["ab", "ac", "bc"]
    assert list(frame["ranked"]) == [True, False, False]
    assert list(frame["shared_seeds"]) == ["1 2"] * 3
    assert frame["difference"][0] == pytest.approx(0.09375)
    assert frame["p_holm"][0] == frame["p"][0] > 0.05
    assert frame["better"][0] == ""
    assert frame["verdict"][0].startswith("No difference is shown between a and b:")
    assert frame[["p", "p_holm"]].iloc[1:].isna().all().all()
    assert frame["not_ranked_because"][1].startswith("unequal numbers of non-zero weights, 50,000 and 1, at")


def test_lost_seeds_and_the_score_have_columns() -> None:
    first = [*results("a", [0.980, 0.981, 0.982]), result("a", 4, 0.983)]
    frame = pairs_frame(compare(groups(first, [*results("b", [0.983, 0.985, 0.985]), failed("b", 4)])))
    line = frame[["score", "shared_seeds", "lost_by_first", "lost_by_second", "better"]].iloc[0]
    assert line.tolist() == ["test/accuracy", "1 2 3", "", "4", ""]


def test_thousands_of_pairs_have_numbers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MOST_SENTENCES", 0)
    comparison = compare(groups(results("a", [0.5, 0.75]), results("b", [0.625, 0.8125])))
    assert list(pairs_frame(comparison)["verdict"]) == [""]


def test_one_recipe_has_no_pairs(tmp_path: Path) -> None:
    pairs_frame(compare(groups(results("a", [0.5])))).to_csv(tmp_path / "pairs.csv", index=False)
    assert list(pd.read_csv(tmp_path / "pairs.csv").columns)[:3] == ["first", "second", "score"]

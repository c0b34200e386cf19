from dataclasses import replace

import pytest

from runner.compare.comparison import Comparison, Finding, compare
from runner.compare.effects import Effect
from runner.compare.result import Result
from tests.compare.made_results import SHA, errors, failed, groups, result, results, swept

NAME, SPARSITY = "layers.all.schedule.name", "layers.all.schedule.sparsity"


def compared(**accuracies: list[float]) -> Comparison:
    return compare(groups(*(results(name, values) for name, values in accuracies.items())))


def overall(finding: Finding) -> Effect:
    assert finding.contrast.overall is not None
    return finding.contrast.overall


def test_a_clear_difference() -> None:
    comparison = compared(constant=[0.980, 0.981, 0.982], polynomial=[0.983, 0.985, 0.985])
    (finding,) = comparison.findings
    # Differences 0.003, 0.004, 0.003.
    assert overall(finding).mean == pytest.approx(0.01 / 3)
    assert (finding.better, finding.ahead) == ("polynomial", "polynomial")
    assert finding.bases == ("equal numbers of non-zero weights, 50,000, at 87.5% zeros",)
    assert comparison.ranked == (finding,)


def test_noise_is_no_difference() -> None:
    (finding,) = compared(constant=[0.980, 0.983, 0.981], polynomial=[0.981, 0.981, 0.982]).findings
    assert finding.ranked
    assert overall(finding).p == pytest.approx(1.0)
    assert finding.better is None


def test_p_values_are_corrected_for_what_is_ranked_only() -> None:
    three = {"a": [0.980, 0.981, 0.982], "b": [0.983, 0.985, 0.985], "c": [0.980, 0.983, 0.981]}
    alone = overall(compared(a=three["a"], b=three["b"]).findings[0])
    comparison = compared(**three, d=[0.5])
    assert (len(comparison.findings), len(comparison.ranked)) == (6, 3)
    assert overall(comparison.findings[0]).p == pytest.approx(3 * alone.p)
    assert {refusal.kind for refusal in comparison.findings[2].refusals} == {"seeds"}


def test_only_shared_seeds_are_compared() -> None:
    later = [result("b", seed, accuracy) for seed, accuracy in ((2, 0.5), (3, 0.6), (9, 0.1))]
    (finding,) = compare(groups(results("a", [0.1, 0.4, 0.6]), later)).findings
    assert finding.contrast.seeds == (2, 3)
    assert overall(finding).mean == pytest.approx(0.05)


def test_regressions_are_ranked_by_their_squared_error_of_which_less_is_better() -> None:
    # The recipe with the smaller loss, of another kind, is the worse one.
    absolute = errors("absolute", [0.50, 0.51, 0.52], metrics={"test/loss": 0.01})
    squared = errors("squared", [0.40, 0.42, 0.42], metrics={"test/loss": 0.4})
    comparison = compare(groups(absolute, squared))
    (finding,) = comparison.ranked
    assert [score.name for score in comparison.scores] == ["test mean squared error"]
    assert finding.better == "squared"


def test_regressions_are_ranked_beside_classifications() -> None:
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    classified = [results("a", [0.980, 0.981, 0.982]), results("b", [0.983, 0.985, 0.985])]
    regressed = [errors("c", [0.50, 0.51, 0.52], **digits), errors("d", [0.40, 0.42, 0.42], **digits)]
    comparison = compare(groups(*classified, *regressed))
    ranked = [(found.contrast.first, found.contrast.second, found.better) for found in comparison.ranked]
    assert ranked == [("a", "b", "b"), ("c", "d", "d")]


WORSE, BETTER = [0.980, 0.981, 0.982, 0.983], [0.983, 0.985, 0.985, 0.986]


def test_who_is_ahead_and_lost_nothing_is_better_though_the_other_lost_seeds() -> None:
    (finding,) = compare(groups([*results("a", WORSE[:3]), failed("a", 4)], results("b", BETTER))).findings
    assert finding.better == "b"
    assert [lost.seeds for lost in finding.lost_by("a")] == [(4,)]


def test_who_is_ahead_and_lost_a_seed_is_not_called_better() -> None:
    (finding,) = compare(groups(results("a", WORSE), [*results("b", BETTER[:3]), failed("b", 4)])).findings
    assert (finding.ahead, finding.better) == ("b", None)


def test_a_seed_that_the_other_never_had_holds_nothing_back() -> None:
    runs = groups(results("a", WORSE[:3]), [*results("b", BETTER[:3]), failed("b", 4)])
    assert compare(runs).findings[0].better == "b"


def test_who_lost_every_run_of_a_setting_is_not_called_better_elsewhere() -> None:
    levels = {NAME: (), SPARSITY: ()}
    scores = {("constant", 0.5): WORSE, ("polynomial", 0.5): BETTER, ("constant", 0.9): WORSE}
    made = swept(levels, scores)
    words = f"mnist {NAME}=polynomial {SPARSITY}=0.9"
    runs = [run for group in made.groups for run in group.results] + [failed(words, seed) for seed in (1, 2)]
    (finding, *_) = compare(groups(runs)).findings
    assert (finding.ahead, finding.better) == ("polynomial", None)
    assert finding.lost_by("polynomial")[0].seeds == (1, 2)


FAILS_AT_THE_TOP = {("constant", at): WORSE for at in (0.5, 0.75, 0.9)} | {
    ("polynomial", at): BETTER for at in (0.5, 0.75)
}


def runs_of(scores: dict[tuple[str, float], list[float]], *lost: tuple[str, float, int]) -> list[Result]:
    """Runs of every setting, and failed ones by schedule, sparsity and seed."""
    made = swept({NAME: (), SPARSITY: ()}, scores)
    without = {(f"mnist {NAME}={name} {SPARSITY}={at}", seed) for name, at, seed in lost}
    runs = [run for group in made.groups for run in group.results]
    kept = [run for run in runs if (run.variation, run.seed) not in without]
    return kept + [failed(words, seed) for words, seed in sorted(without)]


@pytest.mark.parametrize(
    "lost",
    [
        # Three settings share two seeds, two settings share all four: the third is left out.
        [("polynomial", 0.9, 1), ("polynomial", 0.9, 2)],
        [("polynomial", 0.9, 1), ("constant", 0.9, 2)],
        [("polynomial", 0.9, 1), ("polynomial", 0.9, 2), ("polynomial", 0.9, 3)],
        [("polynomial", 0.9, seed) for seed in (1, 2, 3, 4)],
    ],
    ids=["too few seeds", "both lost", "one seed left", "none left"],
)
def test_a_setting_left_out_for_failures_holds_back_what_is_said_over_all(
    lost: list[tuple[str, float, int]],
) -> None:
    scores = {**FAILS_AT_THE_TOP, ("polynomial", 0.9): [0.5, 0.6, 0.7, 0.5]}
    (finding, *_) = compare(groups(runs_of(scores, *lost))).findings
    assert len(finding.contrast.blocks) == 2
    assert (finding.ahead, finding.better) == ("polynomial", None)
    assert finding.forbidding()[0].group == "polynomial sparsity=0.9"
    # At the settings that are compared no run is missing.
    at = finding.contrast.dependences[0].effects[0]
    assert (at.level, finding.better_at(at), finding.forbidding(at)) == ("0.5", "polynomial", ())


def test_failures_where_nothing_may_be_compared_hold_nothing_back() -> None:
    runs = runs_of({**FAILS_AT_THE_TOP, ("polynomial", 0.9): BETTER}, ("polynomial", 0.9, 1))
    larger = [
        replace(run, metrics={**run.metrics, "model/nonzero_weights": 90_000.0})
        if run.variation.endswith("polynomial layers.all.schedule.sparsity=0.9") and run.failure is None
        else run
        for run in runs
    ]
    (finding, *_) = compare(groups(larger)).findings
    assert len(finding.contrast.blocks) == 2
    assert finding.better == "polynomial"


def test_a_run_that_missed_its_budget_counts() -> None:
    low = result("b", 4, 0.5, missed_budget=True)
    (finding,) = compare(groups(results("a", WORSE), [*results("b", BETTER[:3]), low])).findings
    assert finding.contrast.seeds == (1, 2, 3, 4)
    assert overall(finding).mean < -0.1
    assert finding.better is None


def test_a_factor_that_changes_the_size_is_an_axis() -> None:
    levels = {NAME: (), SPARSITY: ()}
    comparison = compare(
        swept(levels, {(n, s): BETTER for n in ("constant", "polynomial") for s in (0.5, 0.9)})
    )
    schedule, sparsity = comparison.factors
    assert (comparison.is_axis(schedule), comparison.is_axis(sparsity)) == (False, True)
    assert [finding.ranked for finding in comparison.findings] == [True, False]
    assert [dependence.factor for dependence in comparison.findings[0].contrast.dependences] == [sparsity]


def test_a_mean_is_of_all_seeds() -> None:
    comparison = compared(a=[0.25, 0.75])
    mean = comparison.mean(comparison.groups[0])
    assert mean is not None
    assert mean.value == 0.5
    assert (comparison.findings, comparison.ranked) == ((), ())

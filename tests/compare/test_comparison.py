import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from runner.compare.comparison import Comparison, LevelComparison, best_level, compare
from runner.compare.effects import Effect
from runner.compare.groups import make_groups
from runner.compare.result import Result
from runner.compare.score import RankingScore
from tests.compare.made_results import SHA, errors, failed, groups, result, results, swept

NAME, SPARSITY = "layers.all.schedule.name", "layers.all.schedule.sparsity"


def compared(**accuracies: list[float]) -> Comparison:
    return compare(groups(*(results(name, values) for name, values in accuracies.items())))


def overall(finding: LevelComparison) -> Effect:
    assert finding.contrast.overall is not None
    return finding.contrast.overall


def test_a_clear_difference() -> None:
    comparison = compared(constant=[0.980, 0.981, 0.982], polynomial=[0.983, 0.985, 0.985])
    (finding,) = comparison.findings
    # Differences 0.003, 0.004, 0.003.
    assert overall(finding).mean == pytest.approx(0.01 / 3)
    assert (finding.better, finding.ahead) == ("polynomial", "polynomial")
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


def test_a_run_without_the_score_that_ranks_is_lost() -> None:
    def runs(name: str, scores: dict[int, float]) -> list[Result]:
        every = {seed: {"tflite_int8/accuracy": scores.get(seed)} for seed in range(1, 5)}
        return [result(name, seed, 0.99, metrics=metrics) for seed, metrics in every.items()]

    first = runs("a", dict(enumerate(WORSE, 1)))
    score = RankingScore("tflite_int8/accuracy", "tflite_int8/accuracy", higher_is_better=True)
    for value in (None, math.nan):
        own = {seed: BETTER[seed - 1] for seed in (1, 2, 3)} | ({} if value is None else {4: value})
        (finding,) = compare(make_groups([*first, *runs("b", own)], score)).findings
        assert (finding.ahead, finding.better) == ("b", None)
        assert finding.lost_by("b")[0].words == "b has no result at seed 4 (no tflite_int8/accuracy)"


def at_sparsities(*levels: float, key: str = SPARSITY, sizes: Sequence[float] = ()) -> Comparison:
    """Runs at each level, of so many non-zero weights; the lower the level the better."""
    runs = [
        result(
            f"mnist {key}={level}",
            seed,
            0.99 - level / 10 + shift,
            metrics={"model/nonzero_weights": size},
        )
        for level, size in zip(levels, sizes or [50_000] * len(levels), strict=True)
        for seed, shift in enumerate((0.0, 0.001, 0.003), 1)
    ]
    return compare(groups(runs))


def test_a_number_that_changes_the_size_at_some_levels_is_an_axis_at_all() -> None:
    wide = at_sparsities(0.1, 0.101, 0.5, key="model.width", sizes=(50_000, 50_050, 90_000))
    assert (wide.axes, wide.ranked) == (wide.factors, ())


@pytest.mark.parametrize("key", [SPARSITY, "training.epochs", "training.dense_epochs"])
def test_sparsity_is_an_axis_however_small_the_layer(key: str) -> None:
    comparison = at_sparsities(1, 2, key=key)
    assert (comparison.axes, comparison.ranked) == (comparison.factors, ())
    assert at_sparsities(1, 2, key="layers.all.schedule.power").ranked != ()


def test_an_axis_stays_one_where_another_factor_is_asked_for() -> None:
    scores = {(n, s): BETTER for n in ("constant", "polynomial") for s in (0.5, 0.9)}
    grouped = swept({NAME: (), SPARSITY: ()}, scores)
    comparison = compare(grouped, by=grouped.factors[0])
    assert comparison.axes == grouped.factors[1:]
    assert comparison.compared == grouped.factors[:1]


def test_the_main_factor_is_the_first_of_which_a_difference_is_shown() -> None:
    optimizer = "training.optimizer.name"
    noise = [0.0, 0.001, -0.001, 0.0005, -0.0002]
    scores = {
        (o, n): [0.9 + (0.05 if n == "polynomial" else 0.0) + shift * factor for shift in noise]
        for (o, n), factor in zip(
            [(o, n) for o in ("adam", "sgd") for n in ("constant", "polynomial")], (1, -1, 2, 1), strict=True
        )
    }
    comparison = compare(swept({optimizer: (), NAME: ()}, scores))
    assert [factor.name for factor in comparison.factors] == ["optimizer.name", "schedule.name"]
    assert comparison.main_factor == comparison.factors[1]


def test_an_accuracy_and_an_error_are_not_averaged() -> None:
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    runs = [
        *results(f"mnist {NAME}=constant data.name=a", WORSE),
        *results(f"mnist {NAME}=polynomial data.name=a", BETTER),
    ]
    runs += errors(f"mnist {NAME}=constant data.name=b", [20.1, 20.4, 20.2, 20.3], **digits)
    runs += errors(f"mnist {NAME}=polynomial data.name=b", [12.0, 12.5, 12.2, 12.3], **digits)
    accuracy, error = compare(groups(runs)).ranked
    assert (accuracy.score.name, error.score.name) == ("test accuracy", "test mean squared error")
    assert overall(accuracy).mean == pytest.approx(0.00325)
    assert overall(error).mean == pytest.approx(-8.0)
    assert (accuracy.better, error.better) == ("polynomial", "polynomial")


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ({"a": WORSE, "b": BETTER, "c": [0.9, 0.91, 0.93, 0.9]}, "b"),
        # Ahead of both in the mean, by noise; the other is shown to be better than one.
        ({"a": [0.90, 0.91, 0.90, 0.91], "b": [0.99, 0.90, 0.99, 0.90], "c": [0.91, 0.92, 0.91, 0.92]}, "c"),
    ],
)
def test_the_best_level_is_unbeaten_and_better_than_most(scores: dict[str, list[float]], best: str) -> None:
    comparison = compare(groups(*(results(name, own) for name, own in scores.items())))
    assert best_level(comparison.ranked) == best

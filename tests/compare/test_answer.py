from dataclasses import replace

import numpy as np
import pytest

from runner.compare.answer import answer, details, p_words
from runner.compare.comparison import Comparison, compare
from runner.compare.result import Result
from tests.compare.made_results import errors, failed, groups, result, results, swept

CONSTANT = results("constant", [0.980, 0.981, 0.982])
POLYNOMIAL = results("polynomial", [0.983, 0.985, 0.985])
DENSE = results("dense", [0.99, 0.991, 0.993], metrics={"sparsity/_model": 0.0, "model/nonzero_weights": 4e5})
NAME, SPARSITY = "layers.all.schedule.name", "layers.all.schedule.sparsity"
LEVELS = (0.5, 0.75, 0.9, 0.95)


def sweep(*gains: float, seeds: int = 5, noise: float = 0.001) -> Comparison:
    """Two schedules at four sparsities; `gains` is what polynomial adds at each."""
    rng = np.random.default_rng(4)
    shift = rng.normal(0, 0.01, seeds)
    scores = {
        (name, level): list(0.9 + shift + rng.normal(0, noise, seeds) + gain * (name == "polynomial"))
        for name in ("constant", "polynomial")
        for level, gain in zip(LEVELS, gains, strict=True)
    }
    return compare(swept({NAME: (), SPARSITY: ()}, scores))


def test_better_beyond_noise() -> None:
    comparison = compare(groups(CONSTANT, POLYNOMIAL))
    assert answer(comparison) == (
        "polynomial is better than constant: test accuracy higher by 0.0033, 95% interval 0.0019 to 0.0048"
        " (3 seeds)."
    )
    assert details(comparison) == [
        "recipe: polynomial against constant: test accuracy +0.0033 (95% interval +0.0019 to +0.0048;"
        " p = 0.0099; 3 seeds): polynomial is better."
    ]
    turned = answer(compare(groups(POLYNOMIAL, CONSTANT)))
    assert turned == answer(comparison)


def test_the_same_over_all_other_settings() -> None:
    comparison = sweep(0.03, 0.03, 0.03, 0.03)
    assert answer(comparison).startswith("polynomial is better than constant: test accuracy higher by 0.0")
    assert answer(comparison).endswith("(5 seeds, over 4 settings).")
    assert "That it depends on schedule.sparsity is not shown" in details(comparison)[0]


def test_from_which_level_on() -> None:
    comparison = sweep(0.0, 0.0, 0.03, 0.11)
    assert answer(comparison) == (
        "polynomial is better than constant: test accuracy higher by 0.0347 on average, by 0.0300 to 0.1098"
        " from schedule.sparsity 0.9 on (5 seeds)."
    )
    assert "It depends on schedule.sparsity (p < 0.0001)" in details(comparison)[0]
    assert "it is shown from 0.9 on" in details(comparison)[0]


def test_at_the_last_level_only() -> None:
    assert "by 0.1098 at schedule.sparsity 0.95 (5 seeds)." in answer(sweep(0.0, 0.0, 0.0, 0.11))


def test_levels_that_cross() -> None:
    assert answer(sweep(-0.05, -0.05, 0.0, 0.11)) == (
        "In test accuracy, polynomial is better at schedule.sparsity 0.95, constant up to 0.75 (5 seeds)."
    )


def test_no_difference_and_what_would_have_been_shown() -> None:
    comparison = compare(groups(CONSTANT, results("polynomial", [0.981, 0.981, 0.984])))
    # Differences 0.001, 0, 0.002: t = sqrt(3) and p = 1 - sqrt(3) / sqrt(5); 5.65349 * 0.001 / sqrt(3).
    assert answer(comparison) == (
        "No difference between constant and polynomial is shown: test accuracy +0.0010, 95% interval -0.0015"
        " to +0.0035 (3 seeds)."
    )
    assert (
        "p = 0.23; 3 seeds): no difference is shown. A true difference of 0.0033 would be"
        in (details(comparison)[0])
    )


def test_what_no_accuracies_could_differ_by_is_not_promised() -> None:
    comparison = compare(groups(results("a", [0.2, 0.9]), results("b", [0.9, 0.3])))
    assert (
        "With 2 seeds and this spread no difference of accuracies could be shown." in details(comparison)[0]
    )


@pytest.mark.parametrize("gains", [(0.0,) * 4, (0.02,) * 4, (0.0, 0.0, 0.03, 0.11), (-0.05, 0.0, 0.0, 0.11)])
def test_an_answer_has_at_most_25_words(gains: tuple[float, ...]) -> None:
    for noise in (0.0005, 0.01):
        assert len(answer(sweep(*gains, noise=noise)).split()) <= 25


def test_an_error_is_better_by_being_less() -> None:
    comparison = compare(groups(errors("a", [0.50, 0.51, 0.52]), errors("b", [0.40, 0.42, 0.42])))
    assert answer(comparison) == (
        "b is better than a: test mean squared error lower by 0.09667, 95% interval 0.08232 to 0.111"
        " (3 seeds)."
    )


def test_lost_seeds_of_the_worse_speak_against_it() -> None:
    comparison = compare(
        groups([*CONSTANT, failed("constant", 4)], [*POLYNOMIAL, result("polynomial", 4, 0.986)])
    )
    assert answer(comparison).startswith("polynomial is better than constant:")
    assert details(comparison)[0].endswith(
        "constant has no result at seed 4 (the loss became nan): this is not in these numbers, and speaks"
        " against it."
    )


def test_lost_seeds_of_who_is_ahead_leave_it_open() -> None:
    first = [*CONSTANT, result("constant", 4, 0.983)]
    comparison = compare(groups(first, [*POLYNOMIAL, failed("polynomial", 4)]))
    assert answer(comparison) == (
        "Whether constant or polynomial is better is left open: polynomial is ahead, but only over runs that"
        " did not fail."
    )
    assert "without its failures a recipe looks better than it is" in details(comparison)[0]


def lossy(lost: dict[tuple[str, float], int], gains: tuple[float, ...] = (0.03,) * 4) -> Comparison:
    """The sweep, of which some settings have lost so many seeds: constant the first, polynomial the last."""
    gone = {
        (f"mnist {NAME}={name} {SPARSITY}={at}", 1 + place if name == "constant" else 5 - place)
        for (name, at), count in lost.items()
        for place in range(count)
    }
    whole = [run for group in sweep(*gains).groups for run in group.results]
    kept = [run for run in whole if (run.variation, run.seed) not in gone]
    return compare(groups([*kept, *(failed(words, seed) for words, seed in sorted(gone))]))


NOT_COMPARED = "polynomial is better than constant from schedule.sparsity 0.75 to 0.9: test accuracy higher"
LEFT_OPEN = "polynomial is better at 0.75 and 0.9 (schedule.sparsity), not shown over all (5 seeds)."


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ({("polynomial", 0.95): 5}, NOT_COMPARED),
        ({("polynomial", 0.95): 4}, NOT_COMPARED),
        ({("polynomial", 0.95): 1, ("constant", 0.95): 2}, NOT_COMPARED),
        ({("polynomial", 0.95): 3}, LEFT_OPEN),
        ({("polynomial", 0.95): 2}, LEFT_OPEN),
    ],
)
def test_a_setting_at_which_the_better_failed_is_not_among_those_from_which_on_it_is_better(
    lost: dict[tuple[str, float], int], told: str
) -> None:
    comparison = lossy(lost, (0.0, 0.03, 0.03, 0.03))
    assert len(comparison.findings[0].contrast.blocks) == 3
    assert answer(comparison).startswith(told)
    assert "0.75 on" not in details(comparison)[0]
    assert "polynomial sparsity=0.95 has no result" in details(comparison)[0]


def test_a_setting_at_which_the_worse_failed_changes_no_verdict() -> None:
    comparison = lossy({("constant", 0.95): 3}, (0.0, 0.03, 0.03, 0.03))
    assert answer(comparison) == (
        "polynomial is better than constant: test accuracy higher by 0.0197, 95% interval 0.0180 to 0.0215"
        " (5 seeds, over 3 of 4 settings)."
    )
    assert (
        "Left out over all: 0.95, without all of the seeds that the others share (1, 2, 3, ...)."
        in (details(comparison)[0])
    )


def test_a_dependence_is_left_open_where_seeds_were_lost() -> None:
    gains = (0.0, 0.0, 0.03, 0.11)
    assert "It depends on schedule.sparsity" in details(lossy({}, gains))[0]
    told = details(lossy({("constant", 0.95): 1}, gains))[0]
    assert "Whether it depends on schedule.sparsity (p < 0.0001) is left open, as runs failed." in told


def test_what_is_not_known_is_said() -> None:
    comparison = compare(groups(results("a", [0.9, 0.9], batch_size=None), results("b", [0.9, 0.9])))
    assert details(comparison)[0].endswith("Note: not logged, so perhaps unequal: batch size.")


def test_the_best_of_several() -> None:
    low = results("low", [0.90, 0.901, 0.903])
    close = results("cubic", [0.9830, 0.9852, 0.9848])
    assert answer(compare(groups(CONSTANT, low, close))) == (
        "Of 3 recipes, cubic is better than low in test accuracy (3 seeds)."
    )
    assert answer(
        compare(groups(results("a", [0.5, 0.6]), results("b", [0.6, 0.5]), results("c", [0.5, 0.5])))
    ) == ("No difference in test accuracy is shown between 3 recipes (2 seeds).")


def test_what_is_not_ranked_is_said_with_its_reason() -> None:
    comparison = compare(groups(CONSTANT, POLYNOMIAL, DENSE))
    assert answer(comparison).startswith("polynomial is better than constant: test accuracy higher by 0.0033")
    assert details(comparison)[-1] == (
        "recipe: not ranked: constant and dense; polynomial and dense: unequal numbers of non-zero weights,"
        " 50,000 and 400,000, at 87.5% and 0.0% zeros."
    )


def test_an_axis_is_told_by_its_ends() -> None:
    levels = {SPARSITY: ()}
    comparison = compare(swept(levels, {(0.5,): [0.97, 0.98], (0.9,): [0.9, 0.92]}))
    assert answer(comparison) == "test accuracy is 0.9750 at schedule.sparsity 0.5, 0.9100 at 0.9."


def test_one_seed_asks_for_more() -> None:
    assert answer(compare(groups(CONSTANT[:1], POLYNOMIAL[:1]))) == (
        "Nothing is ranked: one seed tells nothing of noise; add seeds, such as seed=1,2,3."
    )


def test_one_recipe() -> None:
    assert answer(compare(groups(CONSTANT))) == "Nothing is ranked: there is only one recipe, constant."


def test_where_all_others_failed_it_is_said() -> None:
    comparison = compare(groups([*CONSTANT, *(failed("polynomial", seed) for seed in (1, 2, 3))]))
    assert answer(comparison) == "Nothing is ranked: only constant has results."
    assert comparison.findings[0].lost_by("polynomial")[0].seeds == (1, 2, 3)


def test_of_many_findings_some_are_told() -> None:
    many = [results(f"r{number}", [0.5 + 0.01 * number, 0.501 + 0.01 * number]) for number in range(10)]
    told = details(compare(groups(*many)))
    assert len(told) == 13
    assert told[-1] == "33 more are in comparison_differences.csv."


def test_p_values_in_words() -> None:
    assert p_words(0.0123456) == "p = 0.012"
    assert p_words(1.0) == "p = 1"
    assert p_words(0.00009) == "p < 0.0001"
    assert p_words(0.0) == "p < 0.0001"


def test_p_values_show_on_which_side_of_the_limit_they_are() -> None:
    assert p_words(0.04995) == "p = 0.04995"
    assert p_words(0.0499) == "p = 0.0499"
    assert p_words(0.0504) == "p = 0.0504"
    assert p_words(0.05) == "p = 0.05"
    assert p_words(0.046) == "p = 0.046"


SPREAD = (-0.001, 0.0, 0.001, 0.0005, -0.0005)


def graded(differences: dict[float, float], spreads: dict[float, float] | None = None) -> list[Result]:
    """Runs of two schedules; by sparsity what polynomial adds, and how much of the noise is its own."""
    return [
        run
        for at, difference in differences.items()
        for name in ("constant", "polynomial")
        for run in results(
            f"mnist {NAME}={name} {SPARSITY}={at}",
            [
                0.9 + (difference + (spreads or {}).get(at, 1.0) * own if name == "polynomial" else 0.0)
                for own in SPREAD
            ],
            metrics={"model/nonzero_weights": 400_000 * (1 - at)},
        )
    ]


def test_who_is_better_over_all_is_named_beside_who_is_at_a_level() -> None:
    comparison = compare(groups(graded({0.5: -0.003, 0.75: -0.30, 0.95: 0.05}, {0.5: 8.0})))
    assert answer(comparison) == (
        "constant is better over all, in test accuracy higher by 0.0843; polynomial at schedule.sparsity 0.95"
        " (5 seeds)."
    )


def test_a_setting_of_other_seeds_is_told_and_counts_at_its_own_level() -> None:
    runs = [
        replace(run, seed=run.seed + 5) if run.variation.endswith("0.95") else run
        for run in graded({0.5: 0.02, 0.75: 0.02, 0.95: -0.4})
    ]
    comparison = compare(groups(runs))
    assert answer(comparison) == (
        "In test accuracy, constant is better at schedule.sparsity 0.95, polynomial up to 0.75"
        " (5 seeds, over 2 of 3 settings)."
    )
    [told, _] = details(comparison)
    assert "5 seeds, over 2 of 3 settings): polynomial is better." in told
    assert (
        "It depends on schedule.sparsity (each is better somewhere): +0.0200 at 0.5, -0.4000 at 0.95" in told
    )
    assert "Left out over all: 0.95, without all of the seeds that the others share (1, 2, 3, ...)." in told


def of_three(gains: dict[str, dict[float, float]], noise: float = 0.0) -> list[Result]:
    """Runs of three schedules at some sparsities, the noise at all but the highest."""
    rng = np.random.default_rng(5)
    return [
        run
        for name, own in gains.items()
        for at, gain in own.items()
        for run in results(
            f"mnist {NAME}={name} {SPARSITY}={at}",
            list(0.8 + gain + rng.normal(0, 0.002 if at == max(own) else noise, 5)),
            metrics={"model/nonzero_weights": 400_000 * (1 - at)},
        )
    ]


def test_of_several_levels_one_is_better_at_a_level_of_another_factor() -> None:
    flat = dict.fromkeys((0.5, 0.75, 0.95), 0.0)
    gains = {"constant": flat, "linear": flat, "polynomial": {**flat, 0.95: 0.1}}
    told = answer(compare(groups(of_three(gains, noise=0.05))))
    assert told == (
        "Of 3 levels of schedule.name, polynomial is better than constant and linear at schedule.sparsity"
        " 0.95 in test accuracy, not shown over all (5 seeds)."
    )
    assert len(told.split()) <= 25


def test_of_several_levels_the_best_over_all_may_be_worse_at_a_level() -> None:
    gains = {
        "constant": {0.5: 0.1, 0.75: 0.1, 0.95: 0.0},
        "linear": {0.5: 0.0, 0.75: 0.0, 0.95: -0.1},
        "polynomial": {0.5: 0.0, 0.75: 0.0, 0.95: 0.05},
    }
    told = answer(compare(groups(of_three(gains, noise=0.002))))
    assert told == (
        "Of 3 levels of schedule.name, constant is better than each other over all; polynomial is better at"
        " schedule.sparsity 0.95 (5 seeds)."
    )


def test_of_several_levels_one_that_is_ahead_and_failed_leaves_it_open() -> None:
    gains = {name: {0.5: gain} for name, gain in (("constant", 0.0), ("linear", 0.0), ("polynomial", 0.1))}
    runs = of_three(gains)
    last = f"mnist {NAME}=polynomial {SPARSITY}=0.5"
    kept = [run for run in runs if (run.variation, run.seed) != (last, 5)]
    told = answer(compare(groups([*kept, failed(last, 5)])))
    assert told == (
        "Which of 3 levels of schedule.name is better is left open: polynomial is ahead, but only over runs"
        " that did not fail."
    )


def test_a_level_that_is_ahead_at_one_setting_and_failed_there_leaves_it_open() -> None:
    runs = graded({0.5: -0.05, 0.75: 0.0, 0.95: 0.1}, {0.5: 50.0, 0.75: 50.0})
    last = f"mnist {NAME}=polynomial {SPARSITY}=0.95"
    kept = [run for run in runs if (run.variation, run.seed) != (last, 5)]
    comparison = compare(groups([*kept, failed(last, 5)]))
    assert answer(comparison) == (
        "Whether constant or polynomial is better is left open: polynomial is ahead at schedule.sparsity"
        " 0.95, but only over runs that did not fail."
    )
    assert "without its failures a recipe looks better than it is" in details(comparison)[0]


def test_an_axis_is_told_over_the_settings_and_seeds_that_both_ends_have() -> None:
    words = f"mnist {NAME}={{}} {SPARSITY}={{}}"
    size = {at: {"model/nonzero_weights": 400_000 * (1 - at)} for at in (0.5, 0.95)}
    runs = results(words.format("constant", 0.5), [0.60, 0.61], metrics=size[0.5])
    runs += results(words.format("polynomial", 0.5), [0.95, 0.96], metrics=size[0.5])
    runs += results(words.format("polynomial", 0.95), [0.93, 0.94], metrics=size[0.95])
    assert details(compare(groups(runs)))[-1] == (
        "test accuracy is 0.9550 at schedule.sparsity 0.5, 0.9350 at 0.95 (polynomial)."
    )
    few = results(f"mnist {SPARSITY}=0.5", [0.9, 0.9, 0.5, 0.5], metrics=size[0.5])
    few += results(f"mnist {SPARSITY}=0.95", [0.8, 0.8], metrics=size[0.95])
    assert answer(compare(groups(few))) == (
        "test accuracy is 0.9000 at schedule.sparsity 0.5, 0.8000 at 0.95."
    )


def test_the_ends_of_a_dependence_are_those_that_were_tested() -> None:
    runs = [
        replace(run, seed=run.seed + 5) if run.variation.endswith("0.95") else run
        for run in graded({0.5: 0.0, 0.75: 0.05, 0.95: 0.05})
    ]
    [told, _] = details(compare(groups(runs)))
    assert (
        "It depends on schedule.sparsity (p < 0.0001, 2 of its levels): +0.0000 at 0.5, +0.0500 at 0.75"
        in (told)
    )


@pytest.mark.parametrize("count", [3, 5, 8])
@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("top", [-0.1, 0.0, 0.1])
def test_an_answer_on_several_levels_has_at_most_25_words(count: int, lost: bool, top: float) -> None:
    for base in (0.0, 0.1):
        gains = {
            f"schedule_{number}": {0.5: base * (number == 0), 0.75: 0.0, 0.95: top * (number > 1)}
            for number in range(count)
        }
        runs = of_three(gains, noise=0.002)
        gone = {runs[-1].variation, runs[0].variation} if lost else set()
        kept = [run for run in runs if run.variation not in gone or run.seed != 5]
        told = answer(compare(groups([*kept, *(failed(words, 5) for words in sorted(gone))])))
        assert len(told.split()) <= 25, told

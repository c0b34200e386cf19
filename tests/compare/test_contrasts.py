from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from runner.compare.contrasts import Cell, Contrast, contrasts, pairs_of
from runner.compare.factors import Factor

SCHEDULE = Factor("layers.all.schedule.name", "schedule.name", ("constant", "polynomial"), numeric=False)
SPARSITY = Factor("layers.all.schedule.sparsity", "schedule.sparsity", ("0.5", "0.75", "0.9"), numeric=True)
MODEL = Factor("model.name", "model.name", ("small", "large"), numeric=False)

Scores = dict[Cell, dict[int, float]]


def made(factors: Sequence[Factor], effect: dict[str, float], seeds: int = 5, noise: float = 0.001) -> Scores:
    """Scores of a full grid; `effect` is what polynomial adds, by level of the last factor."""
    rng = np.random.default_rng(2)
    cells: list[Cell] = [()]
    for factor in factors:
        cells = [(*cell, level) for cell in cells for level in factor.levels]
    shift = rng.normal(0, 0.05, seeds)
    return {
        cell: {
            seed: 0.9
            + shift[seed]
            + rng.normal(0, noise)
            + (effect.get(cell[-1], 0.0) if "polynomial" in cell else 0.0)
            for seed in range(seeds)
        }
        for cell in cells
    }


def same_sparsity(one: Cell, other: Cell) -> bool:
    return one[-1] == other[-1]


def schedules(scores: Scores, factors: Sequence[Factor] = (SCHEDULE, SPARSITY)) -> Contrast:
    return contrasts(factors, scores, same_sparsity)[0]


def test_differences_are_averaged_within_the_seed_first() -> None:
    scores = made([SCHEDULE, SPARSITY], {"0.5": 0.01, "0.75": 0.02, "0.9": 0.03})
    found = schedules(scores)
    each = [
        np.mean(
            [scores["polynomial", level][seed] - scores["constant", level][seed] for level in SPARSITY.levels]
        )
        for seed in range(5)
    ]
    assert found.overall is not None
    assert found.overall.mean == pytest.approx(np.mean(each))
    assert found.overall.mean == pytest.approx(0.02, abs=0.001)
    # Half of the 5 % goes to the one overall difference.
    assert found.overall.p == pytest.approx(2 * stats.ttest_1samp(each, 0.0).pvalue)
    assert found.seeds == (0, 1, 2, 3, 4)


def test_how_it_depends_on_sparsity_is_tested_and_estimated_by_level() -> None:
    [dependence] = schedules(made([SCHEDULE, SPARSITY], {"0.5": 0.0, "0.75": 0.02, "0.9": 0.05})).dependences
    assert dependence.factor == SPARSITY
    assert dependence.p is not None
    assert dependence.p < 0.001
    assert [at.level for at in dependence.effects] == ["0.5", "0.75", "0.9"]
    assert [at.effect.shown for at in dependence.effects] == [False, True, True]


def test_a_difference_that_is_the_same_everywhere_depends_on_nothing() -> None:
    [dependence] = schedules(made([SCHEDULE, SPARSITY], dict.fromkeys(SPARSITY.levels, 0.02))).dependences
    assert dependence.p is not None
    assert dependence.p > 0.05
    assert all(at.effect.shown for at in dependence.effects)


def test_levels_that_may_not_be_ranked_are_no_contrast() -> None:
    _, *sparsities = contrasts([SCHEDULE, SPARSITY], made([SCHEDULE, SPARSITY], {}), same_sparsity)
    assert [(found.first, found.second) for found in sparsities] == [
        ("0.5", "0.75"),
        ("0.5", "0.9"),
        ("0.75", "0.9"),
    ]
    assert all(found.overall is None and len(found.unfair) == 2 for found in sparsities)


def test_a_family_is_as_large_as_what_is_told() -> None:
    one = contrasts(
        [SCHEDULE],
        {("constant",): {1: 0.1, 2: 0.2, 3: 0.4}, ("polynomial",): {1: 0.2, 2: 0.4, 3: 0.5}},
        same_all,
    )
    assert one[0].overall is not None
    assert one[0].overall.p == pytest.approx(stats.ttest_1samp([0.1, 0.2, 0.1], 0.0).pvalue)
    two = contrasts([MODEL, SCHEDULE], made([MODEL, SCHEDULE], {"polynomial": 0.02}), same_all)
    assert [found.factor.name for found in two] == ["model.name", "schedule.name"]
    for found in two:
        # Half of the 5 % is shared by two overall differences, the other half by four at single levels.
        assert found.overall is not None
        assert found.overall.error_rate == pytest.approx(0.05 / 2 / 2)
        [dependence] = found.dependences
        assert [at.effect.error_rate for at in dependence.effects] == pytest.approx([0.05 / 2 / 4] * 2)


def same_all(one: Cell, other: Cell) -> bool:
    return True


def test_a_seed_that_a_cell_lacks_is_left_out_everywhere() -> None:
    scores = made([SCHEDULE, SPARSITY], {})
    del scores["polynomial", "0.75"][3]
    scores["constant", "0.9"][1] = float("nan")
    found = schedules(scores)
    assert found.seeds == (0, 2, 4)
    assert len(found.blocks) == 3


def test_a_cell_that_is_nearly_empty_does_not_cost_the_others_their_seeds() -> None:
    scores = made([SCHEDULE, SPARSITY], {})
    scores["polynomial", "0.9"] = {0: 0.9}
    found = schedules(scores)
    assert found.seeds == (0, 1, 2, 3, 4)
    assert [one[-1] for one, _ in found.blocks] == ["0.5", "0.75"]
    assert found.left_out == ()  # It may not be ranked at all.
    scores["polynomial", "0.9"][1] = 0.9
    found = schedules(scores)
    assert [one[-1] for one, _ in found.blocks] == ["0.5", "0.75"]
    assert found.left_out == ((("constant", "0.9"), ("polynomial", "0.9")),)
    scores["polynomial", "0.9"] = {0: 0.9}
    del scores["polynomial", "0.5"], scores["polynomial", "0.75"]
    assert schedules(scores).overall is None


def test_settings_of_other_seeds_are_left_out_over_all_and_estimated_by_themselves() -> None:
    scores = made([SCHEDULE, SPARSITY], {"0.9": -0.3})
    for name in SCHEDULE.levels:
        scores[name, "0.9"] = {seed + 5: score for seed, score in scores[name, "0.9"].items()}
    found = schedules(scores)
    assert [one[-1] for one, _ in found.blocks] == ["0.5", "0.75"]
    assert [one[-1] for one, _ in found.left_out] == ["0.9"]
    [dependence] = found.dependences
    assert dependence.tested == ("0.5", "0.75")
    assert [at.level for at in dependence.effects] == ["0.5", "0.75", "0.9"]
    assert dependence.effects[-1].effect.mean == pytest.approx(-0.3, abs=0.002)
    assert dependence.effects[-1].effect.seeds == 5


def test_a_dependence_that_no_seeds_tell_of_is_not_tested() -> None:
    scores = made([SCHEDULE, SPARSITY], {})
    for place, level in enumerate(SPARSITY.levels):
        for name in SCHEDULE.levels:
            scores[name, level] = {seed + 5 * place: score for seed, score in scores[name, level].items()}
    [dependence] = schedules(scores).dependences
    assert (dependence.p, dependence.tested, len(dependence.effects)) == (None, (), 3)


def test_tests_of_dependence_are_corrected_for_all_of_them() -> None:
    three = Factor(SCHEDULE.key, SCHEDULE.name, ("constant", "linear", "polynomial"), numeric=False)
    scores = made([three, SPARSITY], {"0.5": 0.0, "0.75": 0.02, "0.9": 0.05})
    pair = {cell: own for cell, own in scores.items() if cell[0] != "linear"}
    [alone] = contrasts([SCHEDULE, SPARSITY], pair, same_sparsity)[0].dependences
    family = [
        dependence
        for one in contrasts([three, SPARSITY], scores, same_sparsity)
        for dependence in one.dependences
    ]
    assert len(family) == 3
    assert alone.p is not None
    assert family[1].p == pytest.approx(3 * alone.p)


def test_scores_of_unlike_measures_are_contrasts_of_their_own() -> None:
    scores = made([SCHEDULE, SPARSITY], {"0.9": -8.0})
    found = contrasts([SCHEDULE, SPARSITY], scores, same_sparsity, measure=lambda cell: cell[-1] == "0.9")
    accuracies, errors = found[:2]
    assert [len(one.blocks) for one in (accuracies, errors)] == [2, 1]
    assert accuracies.overall is not None
    assert errors.overall is not None
    assert accuracies.overall.mean == pytest.approx(0.0, abs=0.002)
    assert errors.overall.mean == pytest.approx(-8.0, abs=0.002)


POWER = Factor("layers.all.schedule.power", "schedule.power", ("-", "1", "3"), numeric=False)


def test_levels_are_compared_where_a_factor_comes_with_one_of_them_only() -> None:
    cells: list[Cell] = [("constant", "-"), ("polynomial", "1"), ("polynomial", "3")]
    assert pairs_of(cells, 0, "constant", "polynomial") == [(cells[0], cells[1]), (cells[0], cells[2])]
    assert pairs_of(cells, 1, "-", "1") == []
    # Like is compared with like where there is any.
    assert pairs_of([*cells, ("polynomial", "-")], 0, "constant", "polynomial") == [
        (("constant", "-"), ("polynomial", "-"))
    ]
    scores: Scores = {
        cell: {seed: 0.9 + 0.01 * seed + 0.02 * place for seed in range(3)}
        for place, cell in enumerate(cells)
    }
    found = contrasts([SCHEDULE, POWER], scores, same_all)[0]
    assert found.overall is not None
    assert found.overall.mean == pytest.approx(0.03)
    assert [at.level for at in found.dependences[0].effects] == ["1", "3"]


def test_what_float32_rounds_away_is_no_difference() -> None:
    scores: Scores = {
        ("constant",): dict.fromkeys(range(3), 0.1),
        ("polynomial",): dict.fromkeys(range(3), 0.10000000149),
    }
    found = contrasts([SCHEDULE], scores, same_all)[0]
    assert found.overall is not None
    assert (found.overall.mean, found.overall.shown) == (0.0, False)

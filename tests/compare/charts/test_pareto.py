import numpy as np
import pytest

from runner.compare.charts.pareto import Candidate, pareto_front, pareto_statuses


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 0.5), (2, 0.6), (3, 0.55), (4, 0.7)], [0, 1, 3]),
        ([(4, 0.7), (3, 0.55), (2, 0.6), (1, 0.5)], [3, 2, 0]),
        ([(1, 0.9), (2, 0.8), (3, 0.7)], [0]),
        ([(1, 0.5), (1, 0.6)], [1]),
        ([(1, 0.5), (2, 0.5)], [0]),
        ([(1, 0.5), (1, 0.5), (2, 0.6)], [0, 1, 2]),
        ([(1, 0.5)], [0]),
        ([], []),
    ],
)
def test_what_nothing_beats(points: list[tuple[float, float]], front: list[int]) -> None:
    assert pareto_front(points) == front


def test_of_a_loss_less_is_better() -> None:
    assert pareto_front([(1, 0.5), (2, 0.6), (3, 0.4)], higher_is_better=False) == [0, 2]


def candidate(cost: float, *scores: float, lost: frozenset[int] = frozenset()) -> Candidate:
    """Of fixed cost, with seeds 1, 2, 3, ..."""
    return Candidate(
        {seed: cost for seed, _ in enumerate(scores, 1)}, dict(enumerate(scores, 1)), frozenset(lost)
    )


def test_without_noise_the_front_is_that_of_the_means() -> None:
    points = [(1.0, 0.5), (2.0, 0.6), (3.0, 0.55), (4.0, 0.7)]
    found = pareto_statuses([candidate(cost, score, score + 0.01, score + 0.02) for cost, score in points])
    assert found == ["on the front", "on the front", "dominated", "on the front"]


def test_a_better_mean_within_noise_is_undecided() -> None:
    # Differences 0.01, -0.005, 0.01: mean 0.005, interval 0.005 -+ 4.303 * 0.00866 / sqrt(3).
    cheap, dear = candidate(1, 0.90, 0.91, 0.92), candidate(2, 0.91, 0.905, 0.93)
    assert pareto_statuses([cheap, dear]) == ["on the front", "undecided"]


def test_a_worse_mean_within_noise_is_undecided_too() -> None:
    cheap, dear = candidate(1, 0.91, 0.905, 0.93), candidate(2, 0.90, 0.91, 0.92)
    assert pareto_statuses([cheap, dear]) == ["on the front", "undecided"]


def test_pairing_by_seed_shows_what_spread_over_seeds_hides() -> None:
    cheap, dear = candidate(1, 0.80, 0.90, 0.95), candidate(2, 0.81, 0.911, 0.961)
    assert pareto_statuses([cheap, dear]) == ["on the front", "on the front"]


def test_noise_of_the_cost_counts_as_well() -> None:
    slow = Candidate({1: 1.0, 2: 1.2, 3: 1.1}, {1: 0.9, 2: 0.91, 3: 0.92})
    quick = Candidate({1: 1.1, 2: 0.9, 3: 1.0}, {1: 0.8, 2: 0.81, 3: 0.82})
    # That the quick one costs less is not shown, and its score is lower.
    assert pareto_statuses([slow, quick]) == ["on the front", "undecided"]


def test_equal_scores_of_all_seeds_are_not_taken_for_certainty() -> None:
    assert pareto_statuses([candidate(1, 0.9, 0.91), candidate(2, 0.9, 0.91)]) == [
        "on the front",
        "undecided",
    ]


def test_what_scores_the_same_at_three_seeds_and_costs_more_is_beaten() -> None:
    cheap, dear = candidate(1, 0.9, 0.91, 0.92), candidate(10, 0.9, 0.91, 0.92)
    assert pareto_statuses([cheap, dear]) == ["on the front", "dominated"]
    assert pareto_statuses([cheap, candidate(1.005, 0.9, 0.91, 0.92)]) == ["undecided", "undecided"]
    noisy = Candidate({1: 10.0, 2: 0.9, 3: 10.0}, dear.scores)
    assert pareto_statuses([cheap, noisy])[1] == "undecided"
    failed = Candidate(cheap.costs, cheap.scores, frozenset({4}))
    assert pareto_statuses([failed, candidate(10, 0.9, 0.91, 0.92, 0.93)])[1] == "undecided"


def test_of_a_loss_less_is_better_over_seeds_too() -> None:
    found = pareto_statuses([candidate(1, 0.5, 0.51), candidate(2, 0.6, 0.61)], higher_is_better=False)
    assert found == ["on the front", "dominated"]


def test_one_seed_decides_nothing_against_others() -> None:
    assert pareto_statuses([candidate(1, 0.5), candidate(2, 0.9)]) == ["undecided", "undecided"]
    assert pareto_statuses([candidate(1, 0.5)]) == ["on the front"]
    assert pareto_statuses([]) == []


def test_a_candidate_with_failed_runs_is_not_shown_better() -> None:
    whole = candidate(1, 0.90, 0.91, 0.92)
    lossy = Candidate({1: 2.0, 2: 2.0}, {1: 0.95, 2: 0.96}, frozenset({3}))
    assert pareto_statuses([whole, lossy]) == ["on the front", "undecided"]
    cheaper = Candidate({1: 0.5, 2: 0.5}, {1: 0.95, 2: 0.96}, frozenset({3}))
    assert pareto_statuses([whole, cheaper]) == ["undecided", "on the front"]


def test_being_beaten_by_one_of_many_is_corrected_for_their_number() -> None:
    # The limit of t is 4.3 against one rival, 20 against twenty.
    worse, better = candidate(2, 0.90, 0.90, 0.90), candidate(1, 0.91, 0.92, 0.93)
    assert pareto_statuses([worse, better])[0] == "undecided"  # t = 3.46
    better = candidate(1, 0.915, 0.92, 0.925)  # t = 6.93
    assert pareto_statuses([worse, better])[0] == "dominated"
    assert pareto_statuses([worse, *[better] * 20])[0] == "undecided"


def test_equal_candidates_are_seldom_told_apart() -> None:
    """Of six that score alike each costlier one is on the front, or dominated, by chance only."""
    random = np.random.default_rng(1)
    on_front = dominated = 0
    repetitions = 300
    for _ in range(repetitions):
        shared = random.normal(0, 0.01, 3)
        found = pareto_statuses(
            [
                candidate(cost, *np.round(0.95 + shared + random.normal(0, 0.003, 3), 4).tolist())
                for cost in range(1, 7)
            ]
        )
        on_front += sum(one == "on the front" for one in found[1:])
        dominated += sum(one == "dominated" for one in found[1:])
    assert on_front / (5 * repetitions) < 0.025
    assert dominated / (5 * repetitions) < 0.025

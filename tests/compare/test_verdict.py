from runner.compare.comparison import compare
from runner.compare.verdict import MOST_PAIRS, answer, comparable_sets, p_words, sentence, told_pairs
from tests.compare.made_results import SHA, errors, failed, groups, result, results

CONSTANT = results("constant", [0.980, 0.981, 0.982])
POLYNOMIAL = results("polynomial", [0.983, 0.985, 0.985])
SEED_4 = [result("polynomial", 4, 0.986)]
DENSE = results("dense", [0.99, 0.991, 0.993], metrics={"sparsity/_model": 0.0, "model/nonzero_weights": 4e5})


def test_better_beyond_noise() -> None:
    comparison = compare(groups(CONSTANT, POLYNOMIAL))
    told = (
        "polynomial is better than constant beyond noise: test accuracy +0.0033 (95% interval +0.0019 to"
        " +0.0048; p = 0.0099; 3 shared seeds; equal numbers of non-zero weights, 50,000, at 87.5% zeros)."
    )
    assert sentence(comparison.pairs[0], comparison) == told
    assert answer(comparison) == told


def test_the_winner_is_named_first_whichever_comes_first() -> None:
    comparison = compare(groups(POLYNOMIAL, CONSTANT))
    assert sentence(comparison.pairs[0], comparison).startswith(
        "polynomial is better than constant beyond noise: test accuracy +0.0033 (95% interval"
        " +0.0019 to +0.0048;"
    )


def test_no_difference_shown_and_what_would_have_been() -> None:
    comparison = compare(groups(CONSTANT, results("polynomial", [0.981, 0.981, 0.984])))
    # Differences 0.001, 0, 0.002: t = sqrt(3) and p = 1 - sqrt(3) / sqrt(5); 5.65349 * 0.001 / sqrt(3).
    assert sentence(comparison.pairs[0], comparison) == (
        "No difference is shown between constant and polynomial: polynomial has test accuracy +0.0010 (95%"
        " interval -0.0015 to +0.0035; p = 0.23; 3 shared seeds; equal numbers of non-zero weights, 50,000,"
        " at 87.5% zeros). At this spread and number of seeds a true difference of 0.0033 would be found four"
        " times in five, a smaller one less"
        " often."
    )


def test_the_same_scores() -> None:
    comparison = compare(groups(CONSTANT, results("polynomial", [0.980, 0.981, 0.982])))
    assert (
        answer(comparison) == "constant and polynomial have the same test accuracy at each of 3 shared seeds."
    )


def test_a_difference_that_is_the_same_at_every_seed() -> None:
    comparison = compare(groups(CONSTANT, results("polynomial", [0.983, 0.984, 0.985])))
    assert answer(comparison).startswith(
        "polynomial is better than constant beyond noise: test accuracy +0.0030 at every seed (95%"
        " interval +0.0020"
    )


def test_an_error_is_better_by_being_less() -> None:
    comparison = compare(groups(errors("a", [0.50, 0.51, 0.52]), errors("b", [0.40, 0.42, 0.42])))
    assert answer(comparison).startswith(
        "b is better than a beyond noise: test mean squared error -0.09667 (95% interval -0.111 to -0.08232;"
        " p = 0.0012;"
    )


def test_lost_seeds_of_the_worse_speak_against_it() -> None:
    comparison = compare(groups([*CONSTANT, failed("constant", 4)], [*POLYNOMIAL, *SEED_4]))
    assert answer(comparison) == (
        "polynomial is better than constant beyond noise: test accuracy +0.0033 (95% interval +0.0019 to"
        " +0.0048; p = 0.0099; 3 shared seeds; equal numbers of non-zero weights, 50,000, at 87.5% zeros)."
        " constant has no result at seed 4 (the loss became nan): this is not in these numbers, and speaks"
        " against it."
    )


def test_lost_seeds_of_who_is_ahead_leave_it_open() -> None:
    first = [*CONSTANT, result("constant", 4, 0.983)]
    comparison = compare(groups(first, [*POLYNOMIAL, failed("polynomial", 4)]))
    told = (
        "Whether constant or polynomial is better is left open: polynomial has test accuracy +0.0033 (95%"
        " interval +0.0019 to +0.0048; p = 0.0099; 3 shared seeds; equal numbers of non-zero weights, 50,000,"
        " at 87.5% zeros), but only over the runs that did not fail. polynomial has no result at seed 4 (the"
        " loss became nan): without its failures a recipe looks better than it is."
    )
    assert answer(comparison) == told
    three = compare(
        groups(first, [*POLYNOMIAL, failed("polynomial", 4)], results("low", [0.90, 0.901, 0.903]))
    )
    assert answer(three) == (
        "Of constant, polynomial and low, polynomial has the highest mean test accuracy, 0.9843: beyond noise"
        " it is better than low; failed runs leave open whether it is better than constant."
    )


def test_what_is_not_known_is_said() -> None:
    comparison = compare(groups(results("a", [0.9, 0.9], batch_size=None), results("b", [0.9, 0.9])))
    assert answer(comparison) == (
        "a and b have the same test accuracy at each of 2 shared seeds. Note: not logged, so perhaps unequal:"
        " batch size."
    )


def test_each_score_has_its_best() -> None:
    digits = {"data_source": "digits", "data_sha256": SHA["digits"]}
    comparison = compare(
        groups(
            CONSTANT,
            POLYNOMIAL,
            errors("c", [0.5, 0.51, 0.52], **digits),
            errors("d", [0.4, 0.42, 0.42], **digits),
        )
    )
    assert answer(comparison) == (
        "Of constant and polynomial, polynomial has the highest mean test accuracy, 0.9843: beyond noise it"
        " is better than constant. Of c and d, d has the lowest mean test mean squared error, 0.4133: beyond"
        " noise it is better than c."
    )


def test_unequal_sparsity_is_told_with_the_difference_it_may_explain() -> None:
    comparison = compare(groups(CONSTANT, DENSE))
    assert sentence(comparison.pairs[0], comparison) == (
        "constant and dense are not ranked: unequal numbers of non-zero weights, 50,000 and 400,000, at 87.5%"
        " and 0.0% zeros. Over 3 shared seeds dense differs by +0.0103 in test accuracy."
    )
    assert answer(comparison) == (
        "Nothing is ranked: unequal numbers of non-zero weights, 50,000 and 400,000, at 87.5% and 0.0% zeros."
    )


def test_other_refusals_give_no_number() -> None:
    digits = results("b", [0.8, 0.9], data_source="digits", data_sha256=SHA["digits"])
    comparison = compare(groups(CONSTANT, digits))
    assert (
        sentence(comparison.pairs[0], comparison)
        == "constant and b are not ranked: different data, mnist and digits."
    )


def test_one_seed_asks_for_more() -> None:
    assert answer(compare(groups(CONSTANT[:1], POLYNOMIAL[:1]))) == (
        "Nothing is ranked: one seed of constant and polynomial, and one run tells nothing of noise;"
        " add seeds,"
        " such as seed=1,2,3."
    )
    assert answer(compare(groups(CONSTANT[:1], POLYNOMIAL[:1], DENSE[:1]))) == (
        "Nothing is ranked: one seed tells nothing of noise; add seeds, such as seed=1,2,3; the"
        " numbers of non-zero weights differ."
    )


def test_one_recipe() -> None:
    assert answer(compare(groups(CONSTANT))) == "Nothing is ranked: there is only one recipe, constant."


def test_the_best_of_several_and_how_sure_that_is() -> None:
    close = results("cubic", [0.983, 0.986, 0.984])
    comparison = compare(groups(CONSTANT, POLYNOMIAL, close, results("alone", [0.7])))
    assert answer(comparison) == (
        "Of constant, polynomial and cubic, polynomial has the highest mean test accuracy, 0.9843:"
        " beyond noise it"
        " is better than constant; no difference is shown between it and cubic. Not ranked against"
        " the others:"
        " alone (one seed tells nothing of noise; add seeds, such as seed=1,2,3)."
    )


def test_the_best_of_all() -> None:
    comparison = compare(groups(POLYNOMIAL, CONSTANT, results("random", [0.90, 0.901, 0.903])))
    assert answer(comparison) == (
        "Of polynomial, constant and random, polynomial has the highest mean test accuracy, 0.9843:"
        " beyond noise it"
        " is better than each of the others."
    )


def test_a_small_dense_model_is_ranked_with_the_pruned_and_not_with_the_dense() -> None:
    small = results("small", [0.97, 0.972, 0.971], metrics={"sparsity/_model": 0.0})
    comparison = compare(groups(CONSTANT, POLYNOMIAL, DENSE, small))
    assert answer(comparison) == (
        "Of constant, polynomial and small, polynomial has the highest mean test accuracy, 0.9843:"
        " beyond noise it is better than each of the others. Not ranked against the others: dense (the"
        " numbers of non-zero weights differ)."
    )


def test_a_group_may_be_comparable_with_two_that_are_not_with_each_other() -> None:
    large, middle, small = (
        results(f"{weights}", [0.97, 0.972], metrics={"model/nonzero_weights": weights})
        for weights in (50_800, 50_000, 49_200)
    )
    for order in ((large, middle, small), (middle, large, small)):
        sets = comparable_sets(compare(groups(*order)))
        assert sorted(sorted(group.name for group in own) for own in sets) == [
            ["49200", "50000"],
            ["50000", "50800"],
        ]


def test_a_dense_control_whose_layers_are_not_pruned_is_ranked() -> None:
    # `prune: false` everywhere logs no sparsity.
    one, other = (
        results(name, accuracies, metrics={"sparsity/_model": None, "model/nonzero_weights": 4e5})
        for name, accuracies in {"control": [0.98, 0.981, 0.982], "dense": [0.983, 0.985, 0.985]}.items()
    )
    assert answer(compare(groups(one, other))).startswith("dense is better than control beyond noise")


def test_a_mean_over_all_seeds_and_the_shared_seeds_may_disagree() -> None:
    ahead = [
        result("ahead", seed, accuracy) for seed, accuracy in ((1, 0.90), (2, 0.902), (3, 0.901), (4, 0.99))
    ]
    steady = results("steady", [0.91, 0.913, 0.911])
    comparison = compare(groups(ahead, steady, results("low", [0.5, 0.6, 0.55])))
    assert "ahead has the highest mean" in answer(comparison)
    assert "over the seeds that both have, steady is better beyond noise" in answer(comparison)


def test_of_many_pairs_those_with_the_best_are_told() -> None:
    many = [results(f"r{number}", [0.5 + 0.01 * number, 0.501 + 0.01 * number]) for number in range(10)]
    comparison = compare(groups(*many))
    assert len(comparison.pairs) == 45 > MOST_PAIRS
    told = told_pairs(comparison)
    assert len(told) == 9
    assert all(pair.second.name == "r9" for pair in told)
    assert "r0, r1, r2, r3, r4 and 5 more" in answer(comparison)
    few = compare(groups(*many[:8]))
    assert told_pairs(few) == few.pairs


def test_p_values_in_words() -> None:
    assert p_words(0.0123456) == "p = 0.012"
    assert p_words(1.0) == "p = 1"
    assert p_words(0.00009) == "p < 0.0001"
    assert p_words(0.0) == "p < 0.0001"

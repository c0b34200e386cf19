from typing import Any

import pytest

from runner.compare.fairness import Fairness, judge, lost_words
from tests.compare.made_results import ENVIRONMENT, SHA, errors, failed, groups, result, results


def judged(first: dict[str, Any], second: dict[str, Any], *, seeds: tuple[int, int] = (3, 3)) -> Fairness:
    """Judges `a` and `b`, whose runs differ as told."""
    one, other = groups(
        results("a", [0.9] * seeds[0], **first),
        results("b", [0.8] * seeds[1], **second),
    ).groups
    return judge(one, other)


def metrics(**values: float | None) -> dict[str, Any]:
    names = {
        "sparsity": "sparsity/_model",
        "nonzero": "model/nonzero_weights",
        "steps": "training/steps",
        "dense_steps": "training/dense_steps",
        "accuracy": "test/accuracy",
    }
    return {"metrics": {names[name]: value for name, value in values.items()}}


def test_equal_conditions_are_ranked() -> None:
    found = judged({}, {})
    assert found == Fairness((1, 2, 3), ())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"sparsity": 0.875}, {"sparsity": 0.6}),
        ({"sparsity": None}, {}),
        ({"sparsity": 0.875, "nonzero": 50_000}, {"sparsity": 0.0, "nonzero": 49_000}),
        ({"steps": 60, "dense_steps": 40}, {"steps": 100}),
    ],
)
def test_what_is_equal_enough(first: dict[str, float | None], second: dict[str, float | None]) -> None:
    assert judged(metrics(**first), metrics(**second)).refusals == ()


@pytest.mark.parametrize(
    ("first", "second", "kind", "words"),
    [
        (
            metrics(sparsity=0.990, nonzero=4_000),
            metrics(sparsity=0.995, nonzero=2_000),
            "weights",
            "unequal numbers of non-zero weights, 4,000 and 2,000, at 99.0% and 99.5% zeros",
        ),
        (
            metrics(sparsity=0.0, nonzero=50_000),
            metrics(sparsity=0.0, nonzero=48_999),
            "weights",
            "unequal numbers of non-zero weights, 50,000 and 48,999, at 0.0% zeros",
        ),
        (metrics(nonzero=None), {}, "weights", "the number of non-zero weights of a is not logged"),
        (
            {"batch_size": 32},
            {"batch_size": 64},
            "steps",
            "unequal training, 100 and 100 steps in all, in batches of 32 and 64 samples (seed 1)",
        ),
        (
            {"validation_split": 0.1},
            {"validation_split": 0.2},
            "data",
            "trained on different parts of the data, validation_split 0.1 and 0.2",
        ),
        (
            {"files": {"path": "ab" * 32}},
            {},
            "start",
            "a began with the weights of a file (model.path), whose training is not counted, and b from"
            " scratch",
        ),
        (
            {},
            {"files": {"weights": "ab" * 32}},
            "start",
            "b began with the weights of a file (model.weights), whose training is not counted, and a from"
            " scratch",
        ),
        (
            {},
            {"environment": {**ENVIRONMENT, "tensorflow": "2.21"}},
            "environment",
            "computed with tensorflow 2.20 and 2.21, which may be what differs",
        ),
        (
            {"environment": {**ENVIRONMENT, "plugin mine": "ab12"}},
            {"environment": {**ENVIRONMENT, "plugin mine": "cd34"}},
            "environment",
            "computed with plugin mine ab12 and cd34, which may be what differs",
        ),
        (
            metrics(steps=4220),
            metrics(steps=4220, dense_steps=4220),
            "steps",
            "unequal training, 4,220 and 8,440 steps in all (seed 1)",
        ),
        (metrics(steps=None), metrics(steps=None), "steps", "the training steps of a and b are not logged"),
        (
            {},
            {"data_source": "digits", "data_sha256": SHA["digits"]},
            "data",
            "different data, mnist and digits",
        ),
        ({}, {"data_sha256": "cc" * 32}, "data", "different data, mnist aaaaaaaa and mnist cccccccc"),
        ({"data_sha256": None}, {"data_sha256": None}, "data", "what data a and b ran on is not logged"),
        (
            {},
            metrics(accuracy=None),
            "score",
            "neither test/accuracy nor test/mean_squared_error is logged for b",
        ),
    ],
)
def test_what_is_unequal_is_not_ranked(
    first: dict[str, Any], second: dict[str, Any], kind: str, words: str
) -> None:
    found = judged(first, second)
    assert [(refusal.kind, refusal.words) for refusal in found.refusals] == [(kind, words)]


def test_one_seed_tells_nothing() -> None:
    found = judged({}, {}, seeds=(1, 3))
    assert [refusal.kind for refusal in found.refusals] == ["seeds"]
    assert found.refusals[0].words == "one seed of a, and one run tells nothing of noise"
    assert judged({}, {}, seeds=(1, 1)).refusals[0].words.startswith("one seed of a and b,")


@pytest.mark.parametrize(
    ("seeds", "words"),
    [([3, 4], "they share only seed 3,"), ([4, 5], "they share no seed,")],
)
def test_differences_need_two_shared_seeds(seeds: list[int], words: str) -> None:
    second = [one for one in results("b", [0.9] * 5) if one.seed in seeds]
    one, other = groups(results("a", [0.9] * 3), second).groups
    (refusal,) = judge(one, other).refusals
    assert refusal.kind == "shared"
    assert refusal.words == f"{words} and paired differences need two or more"


def test_every_shared_seed_must_be_equal() -> None:
    steps = [{"training/steps": 100}, {"training/steps": 100}, {"training/steps": 90}]
    stopped_early = [
        run
        for seed, own in enumerate(steps, 1)
        for run in results("b", [0.9] * 3, metrics=own)
        if run.seed == seed
    ]
    one, other = groups(results("a", [0.9] * 3), stopped_early).groups
    (refusal,) = judge(one, other).refusals
    assert refusal.words == "unequal training, 100 and 90 steps in all (seed 3)"


def test_all_reasons_are_given() -> None:
    found = judged({}, {"data_sha256": "cc", **metrics(steps=50, sparsity=0.1, nonzero=1)}, seeds=(2, 1))
    assert [refusal.kind for refusal in found.refusals] == ["seeds", "data", "steps", "weights"]


def test_different_losses_are_no_ranking_and_one_score_is() -> None:
    one = errors("absolute", [0.5, 0.6, 0.7], metrics={"test/loss": 0.1})
    other = errors("squared", [0.4, 0.5, 0.6], metrics={"test/loss": 0.4})
    first, second = groups(one, other).groups
    assert first.score.metric == "test/mean_squared_error"
    assert judge(first, second).refusals == ()
    older = [result("older", seed, metrics={"test/loss": 0.1}) for seed in (1, 2, 3)]
    (refusal,) = judge(*groups(one, older).groups).refusals
    assert refusal.words == "neither test/accuracy nor test/mean_squared_error is logged for older"


def test_an_accuracy_and_an_error_are_not_ranked() -> None:
    found = judge(*groups(results("a", [0.9, 0.8]), errors("b", [0.4, 0.5])).groups)
    assert found.refusals[0].words == "a is scored by test accuracy, b by test mean squared error"
    assert found.seeds == ()


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        (
            {"files": {"path": "ab" * 32}},
            {"files": {"path": "cd" * 32}},
            "they began with the weights of different files, and how long those were trained is not known",
        ),
        (
            {"environment": {**ENVIRONMENT, "tensorflow": "2.21"}, "recipe_hash": "same"},
            {"recipe_hash": "same"},
            "computed with tensorflow 2.21 and 2.20",
        ),
        (
            {},
            {"environment": {**ENVIRONMENT, "plugin mine": "ab12"}},
            "computed with plugin mine in b only",
        ),
        (
            {"environment": None, "batch_size": None},
            {"validation_split": None, "files": None},
            "not logged, so perhaps unequal: validation split, batch size, trained weights to begin with,"
            " versions",
        ),
        (
            {"files": {"path": ""}},
            {"files": {"path": ""}},
            "not logged, so perhaps unequal: content of the model files",
        ),
    ],
)
def test_what_is_said_of_groups_that_are_ranked(
    first: dict[str, Any], second: dict[str, Any], note: str
) -> None:
    found = judged(first, second)
    assert found.refusals == ()
    assert found.notes == (note,)


def test_equal_files_are_an_equal_beginning() -> None:
    found = judged({"files": {"path": "ab" * 32}}, {"files": {"weights": "ab" * 32}})
    assert (found.refusals, found.notes) == ((), ())


def test_a_seed_that_one_side_lost_is_known_and_one_that_both_lost_is_not_counted() -> None:
    first = [*results("a", [0.9] * 3), failed("a", 4), failed("a", 5)]
    second = [*results("b", [0.8] * 4), failed("b", 5), failed("b", 9)]
    found = judge(*groups(first, second).groups)
    assert (found.seeds, found.refusals, found.lost) == ((1, 2, 3), (), ((4,), ()))


def test_where_both_lost_seeds_that_the_other_has_nothing_is_ranked() -> None:
    first = [*results("a", [0.9] * 3), failed("a", 4)]
    second = [failed("b", 1, "it crashed"), *results("b", [0.8] * 4)[1:]]
    (refusal,) = judge(*groups(first, second).groups).refusals
    assert refusal.kind == "lost"
    assert refusal.words == (
        "a has no result at seed 4 (the loss became nan) and b has no result at seed 1 (it crashed), so what"
        " is left shows neither as it is"
    )


def test_lost_seeds_in_words() -> None:
    long = "x" * 101
    (group,) = groups(
        [*results("a", [0.9]), *(failed("a", seed) for seed in range(2, 9)), failed("a", 9, long)]
    ).groups
    assert lost_words(group, [2]) == "a has no result at seed 2 (the loss became nan)"
    assert lost_words(group, [9]) == f"a has no result at seed 9 ({'x' * 100} ...)"
    assert lost_words(group, range(2, 10)) == (
        "a has no result at 8 seeds (2, 3, 4, 5, 6, 7, ...) (the loss became nan, and 1 other reason)"
    )

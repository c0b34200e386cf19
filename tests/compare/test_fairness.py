from typing import Any

import pytest

from runner.compare.fairness import Fairness, judge
from tests.compare.made_results import SHA, groups, results


def judged(first: dict[str, Any], second: dict[str, Any], *, seeds: tuple[int, int] = (3, 3)) -> Fairness:
    """Judges `a` and `b`, whose runs differ as told."""
    one, other = groups(
        results("a", [0.9] * seeds[0], **first),
        results("b", [0.8] * seeds[1], **second),
    )
    return judge(one, other, "test/accuracy")


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
    assert found == Fairness((1, 2, 3), (), "equal sparsity, 87.5%")


@pytest.mark.parametrize(
    ("first", "second", "basis"),
    [
        ({"sparsity": 0.875}, {"sparsity": 0.870}, "equal sparsity, 87.5% and 87.0% zeros"),
        (
            {"sparsity": 0.875, "nonzero": None},
            {"sparsity": 0.875},
            "equal sparsity, 87.5%",
        ),
        (
            {"sparsity": 0.0, "nonzero": 400_000},
            {"sparsity": 0.0, "nonzero": 50_000},
            "equal sparsity, 0.0%, but 400,000 and 50,000 non-zero weights",
        ),
        (
            {"sparsity": 0.875, "nonzero": 50_000},
            {"sparsity": 0.0, "nonzero": 49_000},
            "equal numbers of non-zero weights, 50,000 and 49,000, at 87.5% and 0.0% zeros",
        ),
        ({"steps": 60, "dense_steps": 40}, {"steps": 100}, "equal sparsity, 87.5%"),
    ],
)
def test_what_is_equal_enough(
    first: dict[str, float | None], second: dict[str, float | None], basis: str
) -> None:
    found = judged(metrics(**first), metrics(**second))
    assert found.refusals == ()
    assert found.basis == basis


@pytest.mark.parametrize(
    ("first", "second", "kind", "words"),
    [
        (
            metrics(sparsity=0.875),
            metrics(sparsity=0.8699, nonzero=60_000),
            "sparsity",
            "unequal sparsity, 87.5% and 87.0% zeros, 50,000 and 60,000 non-zero weights",
        ),
        (
            metrics(sparsity=0.875, nonzero=50_000),
            metrics(sparsity=0.0, nonzero=48_999),
            "sparsity",
            "unequal sparsity, 87.5% and 0.0% zeros, 50,000 and 48,999 non-zero weights",
        ),
        (
            metrics(sparsity=0.5, nonzero=None),
            metrics(sparsity=0.9),
            "sparsity",
            "unequal sparsity, 50.0% and 90.0% zeros",
        ),
        (metrics(sparsity=None), {}, "sparsity", "the sparsity of a is not logged"),
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
        ({}, metrics(accuracy=None), "score", "no test/accuracy is logged for b"),
    ],
)
def test_what_is_unequal_is_not_ranked(
    first: dict[str, Any], second: dict[str, Any], kind: str, words: str
) -> None:
    found = judged(first, second)
    assert [(refusal.kind, refusal.words) for refusal in found.refusals] == [(kind, words)]
    assert found.basis == ""


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
    one, other = groups(results("a", [0.9] * 3), second)
    (refusal,) = judge(one, other, "test/accuracy").refusals
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
    one, other = groups(results("a", [0.9] * 3), stopped_early)
    (refusal,) = judge(one, other, "test/accuracy").refusals
    assert refusal.words == "unequal training, 100 and 90 steps in all (seed 3)"


def test_all_reasons_are_given() -> None:
    found = judged({}, {"data_sha256": "cc", **metrics(steps=50, sparsity=0.1, nonzero=1)}, seeds=(2, 1))
    assert [refusal.kind for refusal in found.refusals] == ["seeds", "data", "steps", "sparsity"]

"""Short names of jobs, sweeps and runs."""

import pytest

from runner.records.names import (
    job_names,
    run_name,
    sampled_name,
    sampled_values,
    sweep_name,
    without_common_folder,
)
from runner.records.swept_keys import sweep_factors

SCHEDULE = "recipe.layers.all.schedule"


@pytest.mark.parametrize(
    ("jobs", "names"),
    [
        ([["recipe=a", "outputs=x", "seed=1"], ["recipe=b", "outputs=x", "seed=1"]], ("a", "b")),
        (
            [
                [f"{SCHEDULE}.name=constant", f"{SCHEDULE}.sparsity=0.5", "seed=1"],
                [f"{SCHEDULE}.name=polynomial", f"{SCHEDULE}.sparsity=0.9", "seed=2"],
            ],
            ("constant sparsity=0.5 seed=1", "polynomial sparsity=0.9 seed=2"),
        ),
        ([["recipe=study/a", "seed=1"], ["recipe=study/b", "seed=2"]], ("a seed=1", "b seed=2")),
        # A word that could be either's, and what is no word, keep their keys.
        (
            [
                ["recipe.layers.a.schedule.name=x", "recipe.layers.b.schedule.name=x"],
                ["recipe.layers.a.schedule.name=y", "recipe.layers.b.schedule.name=z"],
            ],
            ("a.schedule.name=x b.schedule.name=x", "a.schedule.name=y b.schedule.name=z"),
        ),
        ([["recipe.layers.a.m_by_n=2x4"], ["recipe.layers.a.m_by_n=1x4"]], ("m_by_n=2x4", "m_by_n=1x4")),
        ([["recipe.data.path=null"], ["recipe.data.path=b"]], ("path=null", "path=b")),
        ([["recipe=a", "seed=1"]], ("a seed=1",)),
        ([["seed=1"], ["seed=1"]], ("seed=1", "seed=1")),
        ([[], []], ("defaults", "defaults")),
    ],
)
def test_a_job_is_named_by_what_tells_it_from_the_others(
    jobs: list[list[str]], names: tuple[str, ...]
) -> None:
    assert job_names(sweep_factors(jobs), len(jobs)) == names


def test_a_sweep_is_named_by_its_factors() -> None:
    assert sweep_name(["schedule.name", "seed"]) == "sweep of schedule.name, seed"
    assert sweep_name(()) == "sweep of the defaults"


def test_a_run_by_itself_is_named_alike() -> None:
    changed = [f"{SCHEDULE}.sparsity=0.5", "recipe.training.epochs=1"]
    assert run_name("mnist_constant", changed, 7) == "mnist_constant sparsity=0.5 epochs=1 seed=7"
    assert run_name("study/constant", [], 0) == "study/constant seed=0"


def test_a_job_of_a_search_is_named_by_what_was_chosen_in_few_digits() -> None:
    job = [
        f"{SCHEDULE}.sparsity=0.7469660767672961",
        "recipe.training.optimizer.learning_rate=0.000123456",
        "recipe.training.batch_size=12345",
        "recipe.model.name=mlp",
        "recipe=a",
        "outputs=x",
        "resume=True",
    ]

    sampled = sampled_values(job, ("recipe", "outputs", "resume"))

    assert sampled_name(sampled) == "sparsity=0.747 learning_rate=0.0001235 batch_size=12345 mlp"
    assert sampled == {
        "layers.all.schedule.sparsity": "0.7469660767672961",
        "training.optimizer.learning_rate": "0.000123456",
        "training.batch_size": "12345",
        "model.name": "mlp",
    }


def test_a_folder_that_all_lie_in_says_nothing() -> None:
    assert without_common_folder(["a/b/x", "a/b/y", "a/b/x"]) == ("x", "y", "x")
    assert without_common_folder(["a/b/x", "a/c"]) == ("b/x", "c")
    assert without_common_folder(["a/x", "a/x"]) == ("a/x", "a/x")
    assert without_common_folder(["a/x", "ab/y"]) == ("a/x", "ab/y")

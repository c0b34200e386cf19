"""The private parts of Hydra that the command uses."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from runner.cli.hydra_private import MissingJobs, options_first, start_only


def batches(started: list[int], subdir: str, most: int | None = None) -> list[list[list[str]]]:
    """What a launcher gets of the jobs `recipe=a,b seed=1,2`."""
    sweeper = MissingJobs(started, max_batch_size=most)
    sweeper.subdir = subdir
    arguments = OverridesParser.create().parse_overrides(["recipe=a,b", "seed=1,2"])
    return sweeper.split_arguments(arguments, most)


SECOND, FOURTH = ["recipe=a", "seed=2"], ["recipe=b", "seed=2"]


@pytest.mark.parametrize(
    ("subdir", "own"),
    [
        # A launcher counts the jobs that it starts: 0 and 1 here.
        ("${hydra.job.num}", ["hydra.sweep.subdir='1'", "hydra.sweep.subdir='3'"]),
        ("it's/${hydra.job.num}", ["hydra.sweep.subdir='it\\'s/1'", "hydra.sweep.subdir='it\\'s/3'"]),
    ],
)
def test_only_these_jobs_are_started_each_in_the_folder_of_its_number(subdir: str, own: list[str]) -> None:
    assert batches([1, 3], subdir) == [[[*SECOND, own[0]], [*FOURTH, own[1]]]]


def test_a_folder_that_is_named_otherwise_stays() -> None:
    assert batches([1, 3], "${hydra.job.override_dirname}") == [[SECOND, FOURTH]]


def test_batches_are_of_the_jobs_to_start() -> None:
    assert batches([1, 3], "x", most=1) == [[SECOND], [FOURTH]]
    assert batches([], "${hydra.job.num}") == []


def test_hydra_takes_it_for_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    target = f"{BasicSweeper.__module__}.{BasicSweeper.__name__}"
    monkeypatch.setattr(Plugins.instance(), "class_name_to_class", {})
    config = OmegaConf.create({"hydra": {"sweeper": {"_target_": target, "max_batch_size": 2}}})
    start_only(config, (1, 3))

    made = Plugins.instance()._instantiate(config.hydra.sweeper)

    assert isinstance(made, MissingJobs)
    assert made.started == [1, 3]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["recipe=a,b", "--multirun", "seed=1,2"], ["--multirun", "recipe=a,b", "seed=1,2"]),
        (["recipe=a", "-m"], ["-m", "recipe=a"]),
        (["seed=1", "--cfg", "job", "~recipe.x", "+a=1"], ["--cfg", "job", "seed=1", "~recipe.x", "+a=1"]),
        (["seed=1", "-p", "hydra", "--cfg=all", "seed=2"], ["-p", "hydra", "--cfg=all", "seed=1", "seed=2"]),
        (["-sc", "query=bash"], ["-sc", "query=bash"]),
        (["seed=1", "seed=1", "-m", "seed=1"], ["-m", "seed=1", "seed=1", "seed=1"]),
    ],
)
def test_options_come_first_and_overrides_keep_their_order(given: list[str], expected: list[str]) -> None:
    assert options_first(given) == expected


def test_an_unknown_option_ends_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options_first(["seed=1", "--nope"])
    assert "unrecognized arguments: --nope" in capsys.readouterr().err

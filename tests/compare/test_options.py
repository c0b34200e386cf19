from pathlib import Path

import pytest

from runner.compare.options import CompareOptions, read_arguments
from runner.compare.where import Condition
from runner.process.errors import UserError
from runner.records.sweep_records import Sweep, write_sweep

FIRST, SECOND = Path("outputs/sweeps/2025-01-01"), Path("outputs/sweeps/2025-02-01")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with two sweeps."""
    for folder in (FIRST, SECOND):
        write_sweep(tmp_path / folder, Sweep((), (), "sqlite:///a.db", "e", "p"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sweep_is_compared_as_it_is(here: Path) -> None:
    asked = read_arguments([str(FIRST), "--tracking-uri", "http://host:1"])
    assert asked == CompareOptions((FIRST,), None, (), None, None, here / "outputs", "http://host:1")
    assert asked.whole_sweep


def test_what_narrows_a_sweep_makes_another_comparison() -> None:
    where = [str(FIRST), "--where", "schedule.sparsity >= 0.9", "--where=recipe=a"]
    asked = read_arguments(where)
    assert asked.where == (Condition("schedule.sparsity", ">=", "0.9"), Condition("recipe", "==", "a"))
    assert not asked.whole_sweep
    for more in (["--by", "schedule.name"], ["--metric", "val/accuracy"], [str(SECOND)]):
        assert not read_arguments([str(FIRST), *more]).whole_sweep


def test_several_sweeps() -> None:
    assert read_arguments([str(FIRST), str(SECOND), str(FIRST)]).sweeps == (FIRST, SECOND)


def test_the_command_is_told() -> None:
    given = [str(FIRST), str(SECOND), "--where", "a == 'b c'", "--by", "x", "--metric=val/accuracy"]
    command = read_arguments([*given, "--outputs", "else"]).command
    told = f"python -m runner.compare {FIRST} {SECOND} --where 'a == b c' --by x --metric val/accuracy"
    assert command == told
    assert (
        read_arguments(["--experiment", "my one"]).command == "python -m runner.compare --experiment 'my one'"
    )


def test_a_file_of_a_sweep_stands_for_it() -> None:
    assert read_arguments([str(FIRST / "sweep.json")]).sweeps == (FIRST,)


def test_an_experiment(here: Path) -> None:
    asked = read_arguments(["--experiment=my=one", "--outputs", "elsewhere", "--debug"])
    assert asked == CompareOptions((), "my=one", (), None, None, here / "elsewhere", None, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            [],
            "Name a sweep's folder or --experiment NAME; see --help. The latest sweep is",
        ),
        (
            ["--experimnt", "a"],
            "unrecognized arguments: --experimnt. Did you mean '--experiment'?",
        ),
        (["--experiment"], "argument --experiment: expected one argument. See --help"),
        (["experiment"], "'experiment' is no folder. --experiment experiment names an experiment."),
        (["outputs/sweeps/nowhere"], "outputs/sweeps/nowhere: there is no such folder."),
        ([str(FIRST), "--experiment", "a"], "Name sweeps or an experiment, not both"),
        (["a" * 300], f"'{'a' * 80}...': is no folder (File name too long)"),
        ([str(FIRST), "--where", "sparsity"], "--where 'sparsity': is no condition."),
    ],
)
def test_what_is_wrong_is_told(arguments: list[str], told: str) -> None:
    with pytest.raises(UserError) as caught:
        read_arguments(arguments)
    assert str(caught.value).startswith(told)

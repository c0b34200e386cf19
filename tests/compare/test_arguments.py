from pathlib import Path

import pytest

from runner.compare.arguments import Asked, read_arguments
from runner.errors import UserError
from runner.sweep.records import Sweep, write_sweep


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with two sweeps."""
    for name in ("2025-01-01", "2025-02-01"):
        write_sweep(tmp_path / "outputs" / "sweeps" / name, Sweep((), (), "sqlite:///a.db", "e", "p"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_sweep(here: Path) -> None:
    asked = read_arguments(["outputs/sweeps/2025-01-01", "recipe=mnist_*,b", "tracking.uri=http://host:1"])
    assert asked == Asked(
        sweep=Path("outputs/sweeps/2025-01-01"),
        experiment=None,
        recipes=("mnist_*", "b"),
        outputs=here / "outputs",
        tracking_uri="http://host:1",
    )


def test_a_file_of_a_sweep_stands_for_it() -> None:
    assert read_arguments(["outputs/sweeps/2025-01-01/sweep.json"]).sweep == Path("outputs/sweeps/2025-01-01")


def test_an_experiment(here: Path) -> None:
    asked = read_arguments(["experiment=my=one", "outputs=elsewhere", "debug=True"])
    assert asked == Asked(None, "my=one", (), here / "elsewhere", None)


def test_a_folder_may_have_an_equals_sign(here: Path) -> None:
    (here / "outputs" / "sweeps" / "2025-01-01").rename(here / "a=b")
    assert read_arguments(["a=b"]).sweep == Path("a=b")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            [],
            "Name a sweep's folder or experiment=NAME; see --help. The latest sweep is"
            " outputs/sweeps/2025-02-01",
        ),
        (["recipe=a"], "Name a sweep's folder or experiment=NAME"),
        (
            ["experimnt=a"],
            "There is no option 'experimnt'. Did you mean 'experiment'? Options: experiment, recipe,",
        ),
        (["tracking_uri=a"], "There is no option 'tracking_uri'. Did you mean 'tracking.uri'?"),
        (["--experiment=a"], "There is no option '--experiment=a'. Did you mean 'experiment'? See --help"),
        (["-x"], "There is no option '-x'. See --help"),
        (["experiment="], "experiment= is empty; leave it out or give it a value"),
        (["experiment=a", "experiment=b"], "experiment is given twice: a and b"),
        (["experiment=a", "debug=yes"], "debug=yes: must be true or false"),
        (["mine"], "'mine' is neither a folder nor KEY=VALUE. experiment=mine names an experiment."),
        (["experimen"], "'experimen' is neither a folder nor KEY=VALUE. Did you mean 'experiment'?"),
        (
            ["outputs/sweeps/2025-01-02"],
            "outputs/sweeps/2025-01-02: there is no such folder. Did you mean '2025-01",
        ),
        (["outputs"], "outputs: is not a sweep's folder (it has no sweep.json)."),
        (
            ["outputs/sweeps/2025-01-01", "outputs/sweeps/2025-02-01"],
            "One sweep at a time, not outputs/sweeps/2025",
        ),
        (["outputs/sweeps/2025-01-01", "experiment=a"], "Name a sweep's folder or an experiment, not both:"),
        (
            ["outputs/sweeps/2025-01-01", "outputs=b"],
            "outputs= goes with experiment=; a sweep's comparison is",
        ),
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], told: str) -> None:
    with pytest.raises(UserError) as caught:
        read_arguments(arguments)
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)

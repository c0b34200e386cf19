from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.process.errors import UserError
from runner.process.packaged import packaged_folder
from runner.settings import ARTIFACTS, RunSettings, Tracking, prepare_outputs, setting_names


def test_the_shipped_settings_are_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((packaged_folder("conf") / "config.yaml").read_text())
    mapping = {key: value for key, value in config.items() if key not in ("defaults", "hydra")}

    assert RunSettings.from_mapping(mapping) == RunSettings()
    assert RunSettings().outputs == tmp_path / "outputs"
    assert sorted(setting_names()) == sorted(
        [
            "recipe",
            "launch",
            *(mapping.keys() - {"tracking"}),
            *(f"tracking.{key}" for key in mapping["tracking"]),
        ]
    )


def test_reads_every_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = RunSettings.from_mapping(
        {
            "seed": 7,
            "outputs": "some/where",
            "dry_run": True,
            "debug": True,
            "plugins": ["mine"],
            "threads": 2,
            "resume": True,
            "on_failure": "stop",
            "objective": ["val/accuracy", "-tflite_int8/bytes"],
            "export_timeout": 90,
            "tracking": {"uri": "http://server", "experiment": "study", "artifacts": ["plots"]},
        },
        argv=("runner", "seed=7"),
        overrides=("recipe.training.epochs=1",),
        run_dir=tmp_path,
    )

    assert settings == RunSettings(
        seed=7,
        outputs=tmp_path / "some" / "where",
        dry_run=True,
        debug=True,
        plugins=("mine",),
        threads=2,
        resume=True,
        on_failure="stop",
        objective=("val/accuracy", "-tflite_int8/bytes"),
        export_timeout=90.0,
        tracking=Tracking("http://server", "study", ("plots",)),
        argv=("runner", "seed=7"),
        overrides=("recipe.training.epochs=1",),
        run_dir=tmp_path,
    )
    assert RunSettings.from_mapping({"outputs": "/abs"}).outputs == Path("/abs")


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ({"seed": "x"}, "seed is 'x', but must be a whole number"),
        ({"seed": -1}, "seed is -1, but must be in [0, 2**32)"),
        ({"seed": 2**32}, "seed is 4294967296, but must be in [0, 2**32)"),
        ({"sed": 1}, "sed is unknown. Did you mean 'seed'?"),
        ({"on_failure": "halt"}, "on_failure is 'halt', but must be one of continue, stop"),
        (
            {"on_failure": "stpo"},
            "on_failure is 'stpo', but must be one of continue, stop. Did you mean 'stop'?",
        ),
        ({"threads": 10**18}, "threads is 1000000000000000000, but must be at most 4,096, or null for all"),
        ({"threads": 10**400}, "threads is 1000"),
        (
            {"tracking": {"experiment": "\x1b[31m"}},
            "tracking.experiment is '\\x1b[31m', with the control character",
        ),
        ({"threads": 0}, "threads is 0, but must be at least 1, or null for all cores"),
        ({"resume": "maybe"}, "resume is 'maybe', but must be true or false"),
        ({"dry_run": "maybe"}, "dry_run is 'maybe', but must be true or false"),
        ({"export_timeout": 0}, "export_timeout is 0, but must be above 0"),
        ({"export_timeout": "long"}, "export_timeout is 'long', but must be a number"),
        ({"outputs": "~/x"}, "outputs is '~/x', which the shell did not expand; write it as $HOME/..."),
        ({"outputs": 3}, "outputs is 3, but must be text"),
        ({"plugins": [1]}, "plugins[0] is 1, but must be text"),
        ({"tracking": {"experimnt": "x"}}, "tracking.experimnt is unknown. Did you mean 'experiment'?"),
        (
            {"tracking": {"artifacts": ["models"]}},
            f"tracking.artifacts[0] is 'models', but must be one of {', '.join(ARTIFACTS)}. Did you mean",
        ),
    ],
)
def test_refuses_with_the_key_and_the_remedy(mapping: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as refused:
        RunSettings.from_mapping(mapping)

    assert str(refused.value).startswith(told)


def test_relative_outputs_are_refused_when_made() -> None:
    with pytest.raises(UserError, match="must be absolute"):
        RunSettings(outputs=Path("outputs"))


def test_outputs_are_made_and_left_empty(tmp_path: Path) -> None:
    prepare_outputs(tmp_path / "a" / "b")

    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_outputs_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(UserError, match=r"outputs=.*file: is a file, not a folder"):
        prepare_outputs(file)
    with pytest.raises(UserError, match=r"file/below: cannot write there \(Not a directory\)"):
        prepare_outputs(file / "below")
    with pytest.raises(UserError, match=r"xxx: cannot write there \(File name too long\)"):
        prepare_outputs(tmp_path / ("x" * 10_000))

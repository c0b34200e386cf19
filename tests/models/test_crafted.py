import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import tf_keras

from runner.models.saved import load_saved_model
from runner.process.errors import UserError
from tests.models.crafted import REFUSED, RUNNING, constant, dense, evil, save, sequential

MODULES = ("evil_mod", "tf_keras_evil")
LIVE = [(name, suffix) for name, (_, suffixes) in RUNNING.items() for suffix in suffixes]


@pytest.fixture
def bait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file that is there once something of a model's file has run; modules that make it can be imported."""
    path = tmp_path / "ran"
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text(f"open({str(path)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield path
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", RUNNING)
def test_nothing_of_a_file_runs(name: str, suffix: str, bait: Path) -> None:
    attack, _ = RUNNING[name]
    path = save(bait.with_name(f"m{suffix}"), attack(bait))
    told = rf"recipe\.model\.path: {re.escape(str(path))}: .*give this file as recipe\.model\.weights"
    with pytest.raises(UserError, match=told) as caught:
        load_saved_model(path)
    assert "\n" not in str(caught.value)
    assert not bait.exists()
    assert not sys.modules.keys() & set(MODULES)


@pytest.mark.parametrize(("name", "suffix"), LIVE)
def test_tf_keras_by_itself_runs_it(name: str, suffix: str, bait: Path) -> None:
    attack, _ = RUNNING[name]
    path = save(bait.with_name(f"m{suffix}"), attack(bait))
    with suppress(Exception):
        tf_keras.models.load_model(path, compile=False)
    assert bait.exists()


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_to_be_harmless_is_refused_with_its_place(
    name: str, suffix: str, tmp_path: Path
) -> None:
    config, told = REFUSED[name]
    path = save(tmp_path / f"m{suffix}", config)
    with pytest.raises(UserError, match=told) as caught:
        load_saved_model(path)
    message = str(caught.value)
    assert message.startswith(f"recipe.model.path: {path}: ")
    assert message.isprintable()
    assert len(message) < len(str(path)) + 600


def test_how_a_model_was_compiled_is_not_read(bait: Path) -> None:
    compiled = {**sequential(), "compile_config": {"optimizer": evil("Adam"), "loss": evil("Loss")}}
    described = sequential(dense(kernel_initializer=constant(compiled)))
    path = save(bait.with_name("m.keras"), described)
    with suppress(UserError):  # A model is no value for weights.
        load_saved_model(path)
    assert not bait.exists()
    with suppress(Exception):
        tf_keras.models.load_model(path, compile=False)
    assert bait.exists()


COMMANDS = [
    ("a class of a module", ".keras"),
    ("a wrapped cell with code", ".h5"),
]


@pytest.mark.parametrize(("name", "suffix"), COMMANDS)
def test_the_whole_command_ends_in_one_message_and_status_2(name: str, suffix: str, bait: Path) -> None:
    path = save(bait.with_name(f"m{suffix}"), RUNNING[name][0](bait))
    (bait.parent / "recipes").mkdir()
    (bait.parent / "recipes" / "mine.yaml").write_text(
        "data: {name: random, input_shape: [4, 4], classes: 2, samples: 16}\n"
        f"model: {{path: {path}}}\n"
        "training: {epochs: 1, batch_size: 8}\n"
        "layers: {all: {targets: '*', schedule: {name: constant, sparsity: 0.5}}}\n"
    )
    command = [sys.executable, "-m", "runner", "recipe=mine", "dry_run=true"]
    # The folder of the command is on Python's path, so that a module in it would be imported.
    done = subprocess.run(command, capture_output=True, text=True, cwd=bait.parent, timeout=120)
    assert done.returncode == 2
    assert done.stderr.startswith(f"recipes/mine.yaml:2: recipe.model.path: {path}: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not bait.exists()

"""Scripts written against TFMOT run with one line changed, and give the pruning they ask for.

Each script in `scripts/` is whole, as people write it. What it must find here is computed from its schedule;
what TFMOT finds, where it is installed, is the same unless `TFMOT_FINDS` says otherwise.
"""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.pruning.porting import IMPORT_LINES, ported

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).with_name("scripts")
ROOT = Path(__file__).parents[2]

EXPECTED: dict[str, dict[str, Any]] = {
    "clone_function": {
        "wide": 0.75,
        "narrow": 0.75,
        "head": 0.0,
        "weights were taken over": True,
        "outputs too": True,
    },
    # Eight steps to 0.5 by equal steps, updated at every second: 0.25 at the 4th.
    "custom_loop": {
        "hidden": 0.5,
        "head": 0.5,
        "hidden after each epoch": [0.25, 0.5],
        "hidden, logged": [[0, 0.0], [4, 0.25]],
    },
    # The staircase has two stairs to 0.75, at steps 2 and 5; the other is at 0.25 before step 6.
    "custom_schedule": {"after 4 steps": [0.375, 0.25], "after 8 steps": [0.75, 0.5]},
    "float_steps": {"dense": 0.5},
    # 0.75 - 0.5 * (1 - 8/16) ** 3 in the middle of steps 8 to 24.
    "functional_model": {
        "left": 0.75,
        "right": 0.75,
        "head": 0.75,
        "left after each epoch": [0.25, 0.6875, 0.75],
    },
    "own_policy_and_layer": {"own/kernel": 0.5, "own/bias": 0.5, "plain/kernel": 0.5, "head/kernel": 0.0},
    # 0.375 after 4 of the 8 steps to 0.75.
    "prune_scope": {
        "model.h5": [0.375, [0.75, 0.75]],
        "model.keras": [0.375, [0.75, 0.75]],
        "checkpoint": [0.75, 0.75],
    },
    "quick_start": {"conv": 0.75, "dense": 0.75},
    "single_layers": {"first": 0.5, "second": 0.5, "hidden": 0.75, "head": 0.0},
    "summaries": {
        "hidden": 0.5,
        "head": 0.5,
        "logged": {
            "hidden/kernel/sparsity": [[0, 0.0], [4, 0.25], [8, 0.5]],
            "head/kernel/sparsity": [[0, 0.0], [4, 0.25], [8, 0.5]],
        },
    },
    "to_tflite": {
        "layers": ["hidden", "head"],
        "exported.h5": [0.875, 0.875],
        "exported.keras": [0.875, 0.875],
        "smaller when gzipped": True,
        "float32 file": {"64x32": 0.875, "4x64": 0.875},
        "dynamic range file": {"64x32": 0.875, "4x64": 0.875},
    },
    "xnnpack_policy": {"stem": 0.0, "expand": 0.75, "depthwise": 0.0, "project": 0.75, "head": 0.0},
}

TFMOT_FINDS: dict[str, dict[str, Any]] = {
    # 18 steps are fewer than its default frequency of 100.
    "quick_start": {"conv": 0.0, "dense": 0.0},
    # The tags name mask variables, and the last epoch's end is never logged.
    "summaries": {
        "logged": {
            "prune_low_magnitude_hidden/mask:0/sparsity": [[0, 0.0], [4, 0.25]],
            "prune_low_magnitude_head/mask:0/sparsity": [[0, 0.0], [4, 0.25]],
        }
    },
    # Pruning has changed the dense model too, so that its file is as small.
    "to_tflite": {"smaller when gzipped": False},
}

TFMOT_FAILS = {"float_steps": "Cannot convert 2.0 to EagerTensor of dtype int64|Expected int64.* got 2.0"}


def started(package: str, scripts: list[Path], errors: Path, **environment: str) -> subprocess.Popen[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("porting.py")), package, *map(str, scripts)],
        env={**inherited, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=errors.open("w"),  # A pipe that nobody empties would stop the one that is waited for last.
        text=True,
    )


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each script found under each package, as `package/script`; the packages run side by side."""
    scripts = sorted(SCRIPTS.glob("*.py"))
    folder = tmp_path_factory.mktemp("ports")
    packages = ["runner"] + ["tfmot"] * bool(find_spec("tensorflow_model_optimization"))
    running = {name: started(name, scripts, folder / name, TF_USE_LEGACY_KERAS="1") for name in packages}
    found = {}
    for package, process in running.items():
        output, _ = process.communicate(timeout=280)
        assert process.returncode == 0, (folder / package).read_text()[-2000:]
        for line in output.splitlines():
            result = json.loads(line)
            found[f"{package}/{result.pop('script')}"] = result
    return found


def test_every_script_has_its_expectation() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.py")} == set(EXPECTED)


def test_a_port_changes_one_line() -> None:
    for path in SCRIPTS.glob("*.py"):
        before, after = path.read_text().splitlines(), ported(path.read_text()).splitlines()
        changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert len(changed) == 1
        assert f"{changed[0][0]}\n" in IMPORT_LINES


@pytest.mark.parametrize("script", EXPECTED)
def test_a_ported_script_gives_the_pruning_it_asks_for(script: str, outcomes: dict[str, Any]) -> None:
    assert outcomes[f"runner/{script}"] == {"found": EXPECTED[script]}


@pytest.mark.skipif(find_spec("tensorflow_model_optimization") is None, reason="TFMOT is not installed")
@pytest.mark.parametrize("script", EXPECTED)
def test_tfmot_gives_the_same_or_what_is_said_here(script: str, outcomes: dict[str, Any]) -> None:
    found = outcomes[f"tfmot/{script}"]
    if script in TFMOT_FAILS:
        assert re.search(TFMOT_FAILS[script], found["error"])
    else:
        assert found == {"found": {**EXPECTED[script], **TFMOT_FINDS.get(script, {})}}


def test_without_the_environment_variable_the_error_names_it(tmp_path: Path) -> None:
    process = started("runner", [SCRIPTS / "single_layers.py"], tmp_path / "errors")
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, (tmp_path / "errors").read_text()[-2000:]
    assert json.loads(output)["error"] == (
        "ValueError: Conv2D is a Keras 3 object, and pruning works on tf-keras (Keras 2). Start the script"
        " with the environment variable TF_USE_LEGACY_KERAS=1, which makes tensorflow.keras tf-keras, or"
        " import tf_keras instead."
    )

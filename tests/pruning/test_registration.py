"""Saved models with wrappers load where `runner.pruning` was imported, before Keras or after it."""

import subprocess
import sys
from pathlib import Path

import pytest
import tf_keras

from runner import pruning

IMPORTS = (
    "from runner import pruning; import tf_keras",
    "import tf_keras; from runner import pruning",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    model = tf_keras.Sequential([tf_keras.layers.Input((4,)), tf_keras.layers.Dense(2, name="only")])
    wrapped = pruning.prune_low_magnitude(model, pruning.ConstantSparsity(0.5, 0))
    for name in ("model.h5", "model.keras"):
        wrapped.save(folder / name)
    return folder


@pytest.mark.parametrize("imports", IMPORTS)
def test_a_saved_model_loads_in_another_process(imports: str, folder: Path) -> None:
    script = f"""{imports}
for name in ("model.h5", "model.keras"):
    model = tf_keras.models.load_model(name, compile=False)
    print(type(model.layers[-1]).__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["PruneLowMagnitude"] * 2

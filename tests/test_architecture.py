"""Something new of each kind, added as ARCHITECTURE.md says, and one run that uses all of them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PLUGIN = """
import numpy as np
import tensorflow as tf
import tf_keras

from runner.datasets import DATASETS, Arrays
from runner.export.variants import VARIANTS, Variant
from runner.models import MODELS
from runner.plan import SCHEDULES
from runner.pruning import ConstantSparsity
from runner.training import OPTIMIZERS


@SCHEDULES.register("late")
def late(*, sparsity, begin_step, end_step, frequency):
    return ConstantSparsity(sparsity, (begin_step + end_step) // 2, end_step, frequency)


@MODELS.register("one_layer")
def one_layer(*, input_shape: tuple[int, ...], units: int = 4) -> tf_keras.Model:
    layers = [tf_keras.layers.Input(input_shape), tf_keras.layers.Dense(units, name="only")]
    return tf_keras.Sequential(layers)


@DATASETS.register("lines")
def lines(*, samples: int = 64) -> Arrays:
    x = np.random.default_rng(0).standard_normal((samples, 8), dtype=np.float32)
    y = x @ np.ones((8, 4), np.float32)
    half = samples // 2
    return Arrays(x_train=x[:half], y_train=y[:half], x_test=x[half:], y_test=y[half:], num_classes=None)


@OPTIMIZERS.register("plain_sgd")
def plain_sgd(*, learning_rate):
    return tf_keras.optimizers.SGD(learning_rate)


@VARIANTS.register("latency")
class Latency(Variant):
    runs_on = "wherever float32 runs"

    def configure(self, converter, samples) -> None:
        converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_LATENCY]
        converter.target_spec.supported_types = [tf.float16]

    rounding = 0.001
"""

RECIPE = """
data: {name: lines, samples: 128}
model: {name: one_layer, units: 4}
training: {epochs: 1, batch_size: 8, optimizer: {name: plain_sgd, learning_rate: 0.01}}
layers: {only: {schedule: {name: late, sparsity: 0.75}}}
export: {variants: [latency], dense: false}
"""


def test_one_run_uses_a_new_schedule_model_data_set_optimizer_and_variant(tmp_path: Path) -> None:
    (tmp_path / "new_things.py").write_text(PLUGIN)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "new.yaml").write_text(RECIPE)
    done = subprocess.run(
        [sys.executable, "-m", "runner", "plugins=[new_things]", "recipe=new"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    [path] = (tmp_path / "outputs" / "runs").glob("*_new/summary.json")
    summary = json.loads(path.read_text())
    assert summary["sparsity"]["layers"] == {"only": 0.75}
    assert summary["variants"]["latency"]["loads"]
    assert summary["data_source"] == "lines"


def test_every_module_that_the_page_names_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", text))
    assert len(named) > 5
    assert {
        name for name in named if not any((top / name).exists() for top in (ROOT, ROOT / "runner"))
    } == set()

"""What a training step costs: dense, pruned by this project, pruned by TFMOT.

    python tests/benchmarks/step_cost.py [--rounds 150] [--only CASE]

All contestants live in one process, and in each round every one of them runs one step, in random order:
a shared machine changes its speed from second to second, and neighbours in time share it. A figure is the
median of a contestant's steps; a ratio is the median over the rounds of its step against the dense step
of the same round. The dense model runs twice, as two contestants: what the second one shows is noise.
"""

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner import pruning
from runner.models.small import tutorial_cnn

Step = Callable[[], float]
_FAR = 10**6
_WARM_UP = 5


def mlp() -> tf_keras.Model:
    """Builds an MLP of 6.3M weights."""
    return tf_keras.Sequential(
        [
            layers.Dense(2048, "relu", input_shape=(1024,)),
            layers.Dense(2048, "relu"),
            layers.Dense(10),
        ]
    )


def tutorial() -> tf_keras.Model:
    """Builds the model of recipe mnist_2x4."""
    return tutorial_cnn(input_shape=(28, 28, 1), num_classes=10)


def stepper(model: tf_keras.Model, batch: int) -> Step:
    """Compiles a model; each call runs one training step and returns its milliseconds."""
    model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, *model.input_shape[1:])).astype(np.float32)
    y = rng.integers(0, 10, batch)
    batches = iter(tf.data.Dataset.from_tensors((x, y)).repeat())
    train = model.make_train_function()

    def step() -> float:
        began = time.perf_counter()
        train(batches)["loss"].numpy()
        return (time.perf_counter() - began) * 1e3

    for _ in range(_WARM_UP):
        step()
    return step


def contestants(build: Callable[[], tf_keras.Model], batch: int, *, idle: bool) -> dict[str, Step]:
    """Prepares all sides; `idle` schedules begin far beyond the end, others update at every step."""

    def wrapped(module: Any) -> tf_keras.Model:
        begin, frequency = (_FAR, _FAR) if idle else (0, 1)
        schedule = module.PolynomialDecay(0.0, 0.9, begin, 10 * _FAR, frequency=frequency)
        return module.prune_low_magnitude(build(), schedule)

    found = {"dense": stepper(build(), batch), "dense again": stepper(build(), batch)}
    found["runner"] = stepper(wrapped(pruning), batch)
    try:
        from tensorflow_model_optimization.sparsity import keras as tfmot
    except ImportError:
        print("TFMOT is not installed (the bench extra); measured without it")
        return found
    model = wrapped(tfmot)
    for layer in model.layers:
        if hasattr(layer, "pruning_step"):
            layer.pruning_step.assign(0)  # What its callback does at the beginning of fit.
    found["tfmot"] = stepper(model, batch)
    return found


def measure(steps: Mapping[str, Step], rounds: int) -> dict[str, list[float]]:
    """Runs the rounds; returns every contestant's milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name in random.sample(list(steps), len(steps)):
            times[name].append(steps[name]())
    return times


def report(title: str, times: Mapping[str, list[float]]) -> None:
    """Prints medians and the medians of paired ratios."""
    for name, own in times.items():
        ratio = statistics.median(mine / dense for mine, dense in zip(own, times["dense"], strict=True))
        print(f"{title:45} {name:12} {statistics.median(own):9.2f} ms {ratio:7.3f}x", flush=True)


CASES: dict[str, tuple[str, Callable[[], tf_keras.Model], int, bool]] = {
    "mlp-idle": ("MLP 6.3M, batch 32, between updates", mlp, 32, True),
    "tutorial-idle": ("tutorial model, batch 128, between updates", tutorial, 128, True),
    "mlp-busy": ("MLP 6.3M, batch 32, updated every step", mlp, 32, False),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--only", choices=CASES, action="append")
    options = parser.parse_args()
    for case in options.only or CASES:
        title, build, batch, idle = CASES[case]
        tf_keras.backend.clear_session()
        rounds = options.rounds if idle else max(options.rounds // 5, 1)
        report(title, measure(contestants(build, batch, idle=idle), rounds))

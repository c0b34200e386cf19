"""What a training step costs: dense, pruned by this project, pruned by TFMOT, in one process, interleaved.

    python tests/benchmarks/step_cost.py [--rounds 7]

Each figure is the median over the rounds of the mean step of a whole `fit` call.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers

from runner import pruning
from runner.models.tutorial_cnn import tutorial_cnn

Fit = Callable[[], float]


def mlp() -> tf_keras.Model:
    """6.3M weights."""
    return tf_keras.Sequential(
        [
            layers.Dense(2048, "relu", input_shape=(1024,)),
            layers.Dense(2048, "relu"),
            layers.Dense(10),
        ]
    )


def tutorial() -> tf_keras.Model:
    return tutorial_cnn(input_shape=(28, 28, 1), num_classes=10)


def mobilenet() -> tf_keras.Model:
    return tf_keras.applications.MobileNetV2(input_shape=(96, 96, 3), weights=None, classes=10)


def peer() -> Any:
    try:
        import tensorflow_model_optimization as tfmot
    except ImportError:
        return None
    return tfmot.sparsity.keras


def prepare(model: tf_keras.Model, samples: int, batch: int, callbacks: Callable[[], list[Any]]) -> Fit:
    model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, *model.input_shape[1:])).astype(np.float32)
    y = rng.integers(0, 10, samples)
    steps = samples // batch

    def fit() -> float:
        began = time.perf_counter()
        model.fit(x, y, batch_size=batch, epochs=1, verbose=0, shuffle=False, callbacks=callbacks())
        return (time.perf_counter() - began) / steps

    fit()  # Builds and traces.
    return fit


def contestants(build: Callable[[], tf_keras.Model], samples: int, batch: int, frequency: int) -> dict[str, Fit]:
    found: dict[str, Fit] = {}
    tfmot = peer()

    def wrapped(module: Any) -> tf_keras.Model:
        # Idle: begins far beyond the end. Busy: the mask is updated at every step.
        begin = 0 if frequency == 1 else 10**6
        schedule = module.PolynomialDecay(0.0, 0.9, begin, 10**7, frequency=frequency)
        return module.prune_low_magnitude(build(), schedule)

    found["dense"] = prepare(build(), samples, batch, list)
    found["runner"] = prepare(wrapped(pruning), samples, batch, lambda: [pruning.UpdatePruningStep()])
    if tfmot is not None:
        found["tfmot"] = prepare(wrapped(tfmot), samples, batch, lambda: [tfmot.UpdatePruningStep()])
    return found


def compare(title: str, fits: dict[str, Fit], rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in fits}
    for number in range(rounds):
        names = list(fits) if number % 2 else list(reversed(fits))
        for name in names:
            times[name].append(fits[name]())
    medians = {name: statistics.median(values) for name, values in times.items()}
    line = ", ".join(
        f"{name} {value * 1e3:.2f} ms ({value / medians['dense']:.3f}x)" for name, value in medians.items()
    )
    print(f"{title}: {line}", flush=True)


CASES = {
    "mlp-idle": ("MLP 6.3M, batch 32, between updates", mlp, 1600, 32, 10**6),
    "tutorial-idle": ("tutorial model, batch 128, between updates", tutorial, 2560, 128, 10**6),
    "mlp-busy": ("MLP 6.3M, batch 32, updated every step", mlp, 320, 32, 1),
    "mobilenet-idle": ("MobileNetV2-96, batch 4, between updates", mobilenet, 80, 4, 10**6),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=CASES, action="append")
    options = parser.parse_args()
    for key in options.only or ["mlp-idle", "tutorial-idle", "mlp-busy"]:
        title, build, samples, batch, frequency = CASES[key]
        tf_keras.backend.clear_session()
        tf.random.set_seed(0)
        compare(title, contestants(build, samples, batch, frequency), options.rounds)

"""What one mask of 16.8M weights costs inside the graph: this project beside TFMOT, medians.

python tests/benchmarks/masks.py [--rounds 7] [--size 4096]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import tensorflow as tf

from runner.pruning import graph_masks

Call = Callable[[], float]


def timed(compute: Callable[[], Any]) -> Call:
    """Wraps a computation in a graph, traces it, and times it in milliseconds."""
    function = tf.function(compute)
    function()

    def call() -> float:
        began = time.perf_counter()
        result = function()
        tf.nest.map_structure(lambda tensor: tensor[0, 0].numpy(), result)
        return (time.perf_counter() - began) * 1e3

    return call


def contestants(weights: tf.Variable) -> dict[str, dict[str, Call]]:
    """Prepares both sides of both masks."""
    sparsity = tf.constant(0.9)
    half = tf.constant(0.5)
    found = {
        "unstructured": {"runner": timed(lambda: graph_masks.unstructured_mask(weights, sparsity))},
        "2:4": {"runner": timed(lambda: graph_masks.m_by_n_mask(weights, 2, 4, half, "input_channels"))},
    }
    try:
        from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl
        from tensorflow_model_optimization.sparsity import keras as tfmot
    except ImportError:
        print("TFMOT is not installed (the bench extra); measured without it")
        return found

    def peer(pattern: tuple[int, int] | None) -> Call:
        impl = pruning_impl.Pruning(
            training_step_fn=lambda: tf.constant(1),
            pruning_vars=[],
            pruning_schedule=tfmot.ConstantSparsity(0.9, 0),
            block_size=(1, 1),
            block_pooling_type="AVG",
            sparsity_m_by_n=pattern,
        )
        return timed(lambda: impl._maybe_update_block_mask(weights)[1])

    found["unstructured"]["tfmot"] = peer(None)
    found["2:4"]["tfmot"] = peer((2, 4))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--size", type=int, default=4096)
    options = parser.parse_args()
    kernel = tf.Variable(tf.random.normal([options.size, options.size], seed=0))
    for title, sides in contestants(kernel).items():
        times: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, call in sides.items():
                call()  # Each side finds the caches and the memory pool as its own last call left them.
                times[name].append(call())
        medians = {name: statistics.median(values) for name, values in times.items()}
        shown = ", ".join(f"{name} {value:.1f} ms" for name, value in medians.items())
        ratio = f", {medians['tfmot'] / medians['runner']:.1f}x faster" if "tfmot" in medians else ""
        print(f"{title}, {options.size**2 / 1e6:.1f}M weights: {shown}{ratio}", flush=True)

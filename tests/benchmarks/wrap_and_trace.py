"""What wrapping MobileNetV2-96 and tracing its first training step takes: dense, this project, TFMOT.

    python tests/benchmarks/wrap_and_trace.py [--rounds 7]

Every sample is a process of its own, since what was traced once is not traced again; medians.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import time

SIDES = ("dense", "runner", "tfmot")


def sample(side: str) -> float:
    """Wraps, compiles and runs the first step; returns seconds, imports and building not counted."""
    import numpy as np
    import tf_keras

    name = "tensorflow_model_optimization.sparsity.keras" if side == "tfmot" else "runner.pruning"
    module = importlib.import_module(name)

    model = tf_keras.applications.MobileNetV2(input_shape=(96, 96, 3), weights=None, classes=10)
    x, y = np.zeros((4, 96, 96, 3), np.float32), np.zeros(4, np.int64)
    began = time.perf_counter()
    callbacks = []
    if side != "dense":
        model = module.prune_low_magnitude(model, module.PolynomialDecay(0.0, 0.9, 10, 1000))
        callbacks = [module.UpdatePruningStep()]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=4, verbose=0, callbacks=callbacks)
    return time.perf_counter() - began


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sample", choices=SIDES, help="take one sample and print its seconds")
    options = parser.parse_args()
    if options.sample:
        print(json.dumps(sample(options.sample)))
        sys.exit()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}
    times: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(options.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--sample", side]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            times[side].append(json.loads(done.stdout.splitlines()[-1]))
    medians = {side: statistics.median(values) for side, values in times.items()}
    print("MobileNetV2-96, wrap and trace the first step:")
    for side, value in medians.items():
        print(f"  {side:7} {value:6.2f} s {value / medians['dense']:.2f}x")

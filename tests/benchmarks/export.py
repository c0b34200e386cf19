"""Sizes, latencies and evaluation speed of the TFLite files of the tutorial model at 90 %.

    python tests/benchmarks/export.py [--rounds 5] [--images 10000]

The weights are random: sizes and times do not depend on them. All that is compared takes turns, and ratios
are medians over the rounds. The last part runs a recipe with two variants and adds up its stages.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tf_keras

from runner.export.exporter import Attempt, Exporter
from runner.export.graph import in_batches, write_graph
from runner.export.variants import VARIANTS
from runner.models.small import tutorial_cnn
from runner.pruning.masks import block_mask

SPARSITY = 0.9
AFTER_TRAINING = ("strip", "evaluate", "export", "record")
RUN = [
    "recipe=mnist_2x4",
    "recipe.data.name=digits",
    "recipe.data.copies=1",
    "recipe.training.epochs=1",
    "recipe.export.variants=[float32,int8]",
]


def pruned(block: int | None) -> tf_keras.Model:
    """Builds the tutorial model, its kernels pruned in blocks of so many inputs; None leaves it dense."""
    tf_keras.utils.set_random_seed(0)
    model = tutorial_cnn(input_shape=(28, 28, 1), num_classes=10)
    for layer in model.layers:
        if block is not None and hasattr(layer, "kernel"):
            kernel = layer.kernel.numpy()
            layer.kernel.assign(kernel * block_mask(kernel, SPARSITY, (block, 1)))
    return model


def exported(exporter: Exporter, images: np.ndarray) -> dict[str, Attempt]:
    """Writes every file: the dense model's, and each variant with the blocks it can encode."""
    made = {}
    for title, block, names in (
        ("dense", None, ("float32", "int8")),
        ("blocks of 4", 4, ("float32", "float32_sparse", "float16", "dynamic_range")),
        ("blocks of 16", 16, ("int8", "int8_sparse")),
    ):
        model = pruned(block)
        graph = write_graph(model, exporter.folder / title.replace(" ", "_"))
        calibration = exporter.keep(f"calibration_{block}", in_batches(model, images[:128]))
        for name in names:
            target = exporter.folder / f"{name}_{block}.tflite"
            kind = VARIANTS.get(name, where="variant")
            made[f"{name}, {title}"] = exporter.convert(target.stem, graph, kind, target, calibration)
    broken = [f"{name}: {attempt.error}" for name, attempt in made.items() if attempt.error]
    if broken:
        sys.exit("\n".join(broken))
    return made


def sizes_and_latencies(exporter: Exporter, made: dict[str, Attempt], samples: Path, rounds: int) -> None:
    """Prints bytes and times, and both as ratios to the dense float32 file."""
    times: dict[str, list[float]] = {name: [] for name in made}
    for _ in range(rounds):
        for name, attempt in zip(made, exporter.time(list(made.values()), samples), strict=True):
            times[name].append(1000 * statistics.median(attempt.times))
    files = {name: attempt.measured({}) for name, attempt in made.items()}
    dense = "float32, dense"
    print(f"{'file':32} {'bytes':>10} {'smaller':>8} {'gzip':>10} {'smaller':>8} {'ms':>7} {'ratio':>6}")
    for name, file in files.items():
        ratio = statistics.median(own / other for own, other in zip(times[name], times[dense], strict=True))
        fewer = (files[dense].bytes or 0) / (file.bytes or 1)
        zipped = (files[dense].gzip_bytes or 0) / (file.gzip_bytes or 1)
        print(
            f"{name:32} {file.bytes:10,} {fewer:7.1f}x {file.gzip_bytes:10,} {zipped:7.1f}x"
            f" {statistics.median(times[name]):7.3f} {ratio:5.2f}x",
            flush=True,
        )


def evaluation(
    exporter: Exporter, made: dict[str, Attempt], samples: Path, images: np.ndarray, rounds: int
) -> None:
    """Prints how long a test set takes, loading and the way to the child process included, against Keras."""
    model = pruned(4)
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    labels = np.zeros(len(images), np.int64)
    seconds: dict[str, list[float]] = {"Keras": [], **{name: [] for name in made}}
    for round_number in range(rounds + 1):
        for name in seconds:
            began = time.perf_counter()
            if name == "Keras":
                model.evaluate(images, labels, verbose=0)
            else:
                exporter.run(made[name], samples)
            if round_number > 0:  # The first one traces and fills caches.
                seconds[name].append(time.perf_counter() - began)
    print(f"\nevaluating {len(images):,} images, seconds and ratio to Keras's evaluate")
    for name, own in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(own, seconds["Keras"], strict=True))
        print(f"{name:32} {statistics.median(own):6.2f} s {ratio:5.2f}x", flush=True)


def whole_run() -> None:
    """Prints the seconds of all that follows training, in a run with two variants and their dense twins."""
    with tempfile.TemporaryDirectory() as folder:
        outputs = Path(folder) / "outputs"
        command = [sys.executable, "-m", "runner", *RUN, f"outputs={outputs}"]
        subprocess.run(command, check=True, capture_output=True)
        [path] = outputs.glob("runs/*/summary.json")
        seconds = json.loads(path.read_text())["seconds"]
    told = ", ".join(f"{name} {seconds[name]:.1f}" for name in AFTER_TRAINING)
    total = sum(seconds[name] for name in AFTER_TRAINING)
    print(f"\nafter training, two variants: {total:.1f} s ({told})")


def main(rounds: int, count: int) -> None:
    """Measures and prints."""
    images = np.random.default_rng(0).random((count, 28, 28, 1)).astype(np.float32)
    with Exporter(600.0) as exporter:
        samples = exporter.keep("images", images)
        made = exported(exporter, images)
        sizes_and_latencies(exporter, made, samples, rounds)
        evaluation(exporter, made, samples, images, rounds)
    whole_run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    main(options.rounds, options.images)

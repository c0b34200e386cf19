"""The structural-pruning tutorial as a plain TFMOT script; prints seconds in fit and accuracy as JSON.

python tests/benchmarks/peers/tfmot_tutorial.py MNIST.npz SEED
"""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras
from tf_keras import layers

sparsity = tfmot.sparsity.keras


def main(path: str, seed: int) -> None:
    """Trains for two epochs and evaluates the stripped model."""
    tf_keras.utils.set_random_seed(seed)
    with np.load(path) as arrays:
        x_train, y_train, x_test, y_test = (
            arrays[name] for name in ("x_train", "y_train", "x_test", "y_test")
        )
    x_train, x_test = (x[..., None].astype(np.float32) / 255 for x in (x_train, x_test))
    half = {"pruning_schedule": sparsity.ConstantSparsity(0.5, begin_step=0, frequency=100)}
    two_of_four = {"sparsity_m_by_n": (2, 4)}
    prune = sparsity.prune_low_magnitude
    model = tf_keras.Sequential(
        [
            prune(layers.Conv2D(32, 5, padding="same", activation="relu"), input_shape=(28, 28, 1), **half),
            layers.MaxPooling2D(2, 2, padding="same"),
            prune(layers.Conv2D(64, 5, padding="same"), **two_of_four),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2, 2, padding="same"),
            layers.Flatten(),
            prune(layers.Dense(1024, activation="relu"), **two_of_four),
            layers.Dropout(0.4),
            layers.Dense(10),
        ]
    )
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    began = time.perf_counter()
    model.fit(
        x_train,
        y_train,
        batch_size=128,
        epochs=2,
        validation_split=0.1,
        verbose=0,
        callbacks=[sparsity.UpdatePruningStep()],
    )
    seconds = time.perf_counter() - began
    stripped = sparsity.strip_pruning(model)
    stripped.compile(loss=loss, metrics=["accuracy"])
    _, accuracy = stripped.evaluate(x_test, y_test, verbose=0)
    print(json.dumps({"train_seconds": seconds, "accuracy": accuracy}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

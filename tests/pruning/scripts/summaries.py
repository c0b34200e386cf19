"""Sparsities for TensorBoard."""

import glob
import json
import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow_model_optimization.sparsity.keras import (
    PolynomialDecay,
    PruningSummaries,
    UpdatePruningStep,
    prune_low_magnitude,
    strip_pruning,
)

x = np.random.default_rng(5).normal(size=(32, 8)).astype("float32")
logdir = tempfile.mkdtemp()

model = prune_low_magnitude(
    tf.keras.Sequential(
        [
            tf.keras.layers.Dense(16, activation="relu", input_shape=(8,), name="hidden"),
            tf.keras.layers.Dense(4, name="head"),
        ]
    ),
    pruning_schedule=PolynomialDecay(0.0, 0.5, begin_step=0, end_step=8, power=1, frequency=2),
)
model.compile("adam", "mse")
callbacks = [UpdatePruningStep(), PruningSummaries(log_dir=logdir, profile_batch=0)]
model.fit(x, np.zeros((32, 4)), batch_size=8, epochs=2, verbose=0, callbacks=callbacks)

logged = {}
for path in sorted(glob.glob(os.path.join(logdir, "**", "events*"), recursive=True)):
    for event in tf.compat.v1.train.summary_iterator(path):
        for value in event.summary.value:
            if value.tag.endswith("/sparsity"):
                logged.setdefault(value.tag, []).append(
                    [event.step, round(float(tf.make_ndarray(value.tensor)), 6)]
                )
found = {layer.name: float(np.mean(layer.get_weights()[0] == 0)) for layer in strip_pruning(model).layers}
print(json.dumps({**found, "logged": logged}))

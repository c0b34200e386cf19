"""Layers wrapped one by one in a Sequential model, each with pruning parameters of its own."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

prune_low_magnitude = tfmot.sparsity.keras.prune_low_magnitude
ConstantSparsity = tfmot.sparsity.keras.ConstantSparsity

rng = np.random.default_rng(0)
images = rng.random((64, 8, 8, 1), dtype=np.float32)
labels = rng.integers(0, 4, 64)

half = {"pruning_schedule": ConstantSparsity(target_sparsity=0.5, begin_step=0, frequency=1)}
two_of_four = {"sparsity_m_by_n": (2, 4)}
blocks = {
    "pruning_schedule": ConstantSparsity(0.75, begin_step=1, end_step=-1, frequency=2),
    "block_size": (4, 1),
    "block_pooling_type": "MAX",
}
unpruned = {"pruning_schedule": ConstantSparsity(0.0, begin_step=0, end_step=0)}

model = tf.keras.Sequential(
    [
        prune_low_magnitude(
            tf.keras.layers.Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1), name="first"), **half
        ),
        tf.keras.layers.MaxPooling2D(),
        prune_low_magnitude(tf.keras.layers.Conv2D(16, 3, name="second"), **two_of_four),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.ReLU(),
        tf.keras.layers.Flatten(),
        prune_low_magnitude(tf.keras.layers.Dense(32, activation="relu", name="hidden"), **blocks),
        tf.keras.layers.Dropout(0.4),
        prune_low_magnitude(tf.keras.layers.Dense(4, name="head"), **unpruned),
    ]
)
model.compile(
    optimizer="adam",
    loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(
    images,
    labels,
    batch_size=16,
    epochs=2,
    verbose=0,
    validation_split=0.25,
    callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
)

stripped = tfmot.sparsity.keras.strip_pruning(model)
found = {}
for layer in stripped.layers:
    for weight in layer.weights:
        if "kernel" in weight.name:
            found[layer.name] = float(np.mean(weight.numpy() == 0))
print(json.dumps(found))

"""A training loop written by hand, with the calls that TFMOT's guide asks for."""

import glob
import json
import os
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

rng = np.random.default_rng(9)
x_train = rng.normal(size=(32, 8)).astype("float32")
y_train = rng.normal(size=(32, 4)).astype("float32")
model_for_pruning = tfmot.sparsity.keras.prune_low_magnitude(
    tf.keras.Sequential(
        [
            tf.keras.layers.Dense(16, activation="relu", input_shape=(8,), name="hidden"),
            tf.keras.layers.Dense(4, name="head"),
        ]
    ),
    tfmot.sparsity.keras.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=8, power=1, frequency=2),
)
loss = tf.keras.losses.MeanSquaredError()
optimizer = tf.keras.optimizers.Adam()
log_dir = tempfile.mkdtemp()
unused_arg = -1
epochs, batches = 2, 4

model_for_pruning.optimizer = optimizer
step_callback = tfmot.sparsity.keras.UpdatePruningStep()
step_callback.set_model(model_for_pruning)
log_callback = tfmot.sparsity.keras.PruningSummaries(log_dir=log_dir)
log_callback.set_model(model_for_pruning)

after_epochs = []
step_callback.on_train_begin()
for _ in range(epochs):
    log_callback.on_epoch_begin(epoch=unused_arg)
    for batch in range(batches):
        step_callback.on_train_batch_begin(batch=unused_arg)
        with tf.GradientTape() as tape:
            logits = model_for_pruning(x_train[8 * batch : 8 * batch + 8], training=True)
            loss_value = loss(y_train[8 * batch : 8 * batch + 8], logits)
        grads = tape.gradient(loss_value, model_for_pruning.trainable_variables)
        optimizer.apply_gradients(zip(grads, model_for_pruning.trainable_variables))
    step_callback.on_epoch_end(batch=unused_arg)
    after_epochs.append(float(np.mean(model_for_pruning.layers[0].get_weights()[0] == 0)))

logged = []
for path in sorted(glob.glob(os.path.join(log_dir, "**", "events*"), recursive=True)):
    for event in tf.compat.v1.train.summary_iterator(path):
        for value in event.summary.value:
            if "hidden" in value.tag and value.tag.endswith("/sparsity"):
                logged.append([event.step, round(float(tf.make_ndarray(value.tensor)), 6)])
final = tfmot.sparsity.keras.strip_pruning(model_for_pruning)
found = {layer.name: float(np.mean(layer.get_weights()[0] == 0)) for layer in final.layers}
print(json.dumps({**found, "hidden after each epoch": after_epochs, "hidden, logged": logged}))

"""Train, prune by a polynomial with everything at its default, fine-tune, strip: the usual first script."""

import json

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow import keras

rng = np.random.default_rng(11)
train_images = rng.random((120, 12, 12), dtype=np.float32)
train_labels = rng.integers(0, 3, 120)

model = keras.Sequential(
    [
        keras.layers.InputLayer(input_shape=(12, 12)),
        keras.layers.Reshape(target_shape=(12, 12, 1)),
        keras.layers.Conv2D(filters=8, kernel_size=(3, 3), activation="relu", name="conv"),
        keras.layers.MaxPooling2D(pool_size=(2, 2)),
        keras.layers.Flatten(),
        keras.layers.Dense(4, name="dense"),
    ]
)
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
model.fit(train_images, train_labels, epochs=1, validation_split=0.1, verbose=0)

prune_low_magnitude = tfmot.sparsity.keras.prune_low_magnitude

batch_size = 12
epochs = 2
validation_split = 0.1
num_images = train_images.shape[0] * (1 - validation_split)
end_step = np.ceil(num_images / batch_size).astype(np.int32) * epochs

pruning_params = {
    "pruning_schedule": tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.50, final_sparsity=0.75, begin_step=0, end_step=end_step
    )
}
model_for_pruning = prune_low_magnitude(model, **pruning_params)
model_for_pruning.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
model_for_pruning.fit(
    train_images,
    train_labels,
    batch_size=batch_size,
    epochs=epochs,
    validation_split=validation_split,
    verbose=0,
    callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
)
_, accuracy = model_for_pruning.evaluate(train_images, train_labels, verbose=0)
assert 0 <= accuracy <= 1

model_for_export = tfmot.sparsity.keras.strip_pruning(model_for_pruning)
found = {
    layer.name: float(np.mean(layer.get_weights()[0] == 0))
    for layer in model_for_export.layers
    if layer.get_weights()
}
print(json.dumps(found))

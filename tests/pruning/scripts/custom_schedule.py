"""A schedule of one's own, answering in tensors, that goes through a file."""

import json
import os
import tempfile

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot


class Staircase(tfmot.sparsity.keras.PruningSchedule):
    """Rises to its target in equal stairs."""

    def __init__(self, target_sparsity, begin_step, end_step, stairs=2, frequency=1):
        self.target_sparsity = target_sparsity
        self.begin_step = begin_step
        self.end_step = end_step
        self.stairs = stairs
        self.frequency = frequency
        self._validate_step(self.begin_step, self.end_step, self.frequency, False)
        self._validate_sparsity(target_sparsity, "target_sparsity")

    def __call__(self, step):
        length = (self.end_step - self.begin_step) / self.stairs
        climbed = tf.math.floor(tf.cast(step - self.begin_step, tf.float32) / length) + 1.0
        share = tf.math.minimum(climbed / self.stairs, 1.0)
        fires = self._should_prune_in_step(step, self.begin_step, self.end_step, self.frequency)
        return fires, tf.cast(share * self.target_sparsity, tf.float32)

    def get_config(self):
        return {
            "class_name": self.__class__.__name__,
            "config": {
                "target_sparsity": self.target_sparsity,
                "begin_step": self.begin_step,
                "end_step": self.end_step,
                "stairs": self.stairs,
                "frequency": self.frequency,
            },
        }


class Chosen(tfmot.sparsity.keras.PruningSchedule):
    """Chooses by a plain Python condition on the step."""

    def __call__(self, step):
        if step < 6:
            sparsity = 0.25
        else:
            sparsity = 0.5
        return self._should_prune_in_step(step, 1, -1, 1), sparsity

    def get_config(self):
        return {"class_name": self.__class__.__name__, "config": {}}


x = np.random.default_rng(4).normal(size=(32, 8)).astype("float32")
y = np.zeros((32, 8), "float32")
callbacks = [tfmot.sparsity.keras.UpdatePruningStep()]
wrap = tfmot.sparsity.keras.prune_low_magnitude


def sparsities(wrapped):
    stripped = tfmot.sparsity.keras.strip_pruning(wrapped)
    return [float(np.mean(layer.get_weights()[0] == 0)) for layer in stripped.layers]


model = tf.keras.Sequential(
    [
        wrap(tf.keras.layers.Dense(16), Staircase(0.75, begin_step=2, end_step=8), input_shape=(8,)),
        wrap(tf.keras.layers.Dense(8), Chosen()),
    ]
)
model.compile("adam", "mse")
model.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=callbacks)
found = {"after 4 steps": sparsities(model)}

path = os.path.join(tempfile.mkdtemp(), "model.h5")
tf.keras.models.save_model(model, path)
with (
    tfmot.sparsity.keras.prune_scope(),
    tf.keras.utils.custom_object_scope({"Staircase": Staircase, "Chosen": Chosen}),
):
    loaded = tf.keras.models.load_model(path)
loaded.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=callbacks)
found["after 8 steps"] = sparsities(loaded)
print(json.dumps(found))

"""Variants whose conversion dies, hangs or gives another model; a child process imports them by name."""

import os
import signal
import time

import tensorflow as tf
import tf_keras

from runner.export.variants import Float32, Samples

layers = tf_keras.layers


class Deadly(Float32):
    """Dies as a converter written in C++ does."""

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        os.write(2, b"F1120 17:00:00.000000 converter.cc:42] Check failed: shape.size() > 0\n")
        os.kill(os.getpid(), signal.SIGABRT)


class Endless(Float32):
    """Never comes back."""

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        time.sleep(600)


class Other(Float32):
    """Converts another model than it was given."""

    def configure(self, converter: "tf.lite.TFLiteConverter", samples: Samples | None) -> None:
        twice = tf_keras.Sequential([layers.Input((8, 8, 1)), layers.Rescaling(2.0), layers.Flatten()])
        other = tf.lite.TFLiteConverter.from_keras_model(twice)
        converter.convert = other.convert

"""Freeing what TensorFlow keeps of a training."""

import gc

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.python.framework.func_graph import FuncGraph

from runner.training.graphs import graphs_freed


def trained() -> tf_keras.Model:
    model = tf_keras.Sequential([tf_keras.layers.Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    return model


def operations() -> int:
    gc.collect()
    graphs = [each for each in gc.get_objects() if type(each) is FuncGraph and each.name == "train_function"]
    return sum(len(graph.get_operations()) for graph in graphs)


def test_graphs_of_the_block_are_freed_and_no_others() -> None:
    earlier = trained()
    held = operations()
    assert held > 0

    with graphs_freed():
        later = trained()
        assert operations() > held
    later.fit(np.zeros((4, 3)), np.ones((4, 2)), verbose=0)  # Still of use.
    del later
    assert operations() == held

    weights = earlier.get_weights()
    earlier.fit(np.zeros((4, 3)), np.ones((4, 2)), verbose=0)
    assert not all(np.array_equal(a, b) for a, b in zip(weights, earlier.get_weights(), strict=True))


def test_the_memory_of_a_models_variables_is_freed() -> None:
    def handles() -> int:
        gc.collect()
        eager = [each for each in gc.get_objects() if type(each).__name__ == "EagerTensor"]
        return sum(each.dtype == tf.resource for each in eager)

    before = handles()
    with graphs_freed():
        trained()
    tf_keras.backend.clear_session()
    # Kernel, bias, and what the optimizer, the loss and the learning rate keep would be eight.
    assert handles() == before

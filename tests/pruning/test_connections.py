"""Connections: who feeds whom, through nested models, shared layers and several inputs and outputs."""

from typing import Any

import tf_keras
from tf_keras import layers

from runner.pruning.connections import Connections, connections


def named(graph: Connections) -> dict[str, list[str]]:
    return {layer.name: [producer.name for producer in graph.producers[layer]] for layer in graph.layers}


def dense(name: str) -> Any:
    return layers.Dense(4, name=name)


def test_a_sequential_model_is_a_chain() -> None:
    graph = connections(tf_keras.Sequential([layers.Input((4,), name="x"), dense("a"), dense("b")]))
    assert named(graph) == {"x": [], "a": ["x"], "b": ["a"]}
    a = graph.layers[1]
    assert [layer.name for layer in graph.consumers[a]] == ["b"]
    assert [layer.name for layer in graph.outputs] == ["b"]


def test_nested_models_are_taken_apart() -> None:
    inner = tf_keras.Sequential([layers.Input((4,)), dense("c"), dense("d")], name="inner")
    x = layers.Input((4,), name="y")
    left, right = dense("left")(x), dense("right")(x)
    middle = tf_keras.Model(x, [left, right], name="middle")
    start = layers.Input((4,), name="x")
    first, second = middle(dense("a")(start))
    outputs = inner(layers.Add(name="sum")([first, second]))
    graph = connections(tf_keras.Model(start, [outputs, first]))
    assert named(graph) == {
        "x": [],
        "a": ["x"],
        "left": ["a"],
        "right": ["a"],
        "sum": ["left", "right"],
        "c": ["sum"],
        "d": ["c"],
    }
    assert [layer.name for layer in graph.outputs] == ["d", "left"]


def test_a_layer_used_twice_stands_once() -> None:
    first, second = layers.Input((4,), name="x"), layers.Input((4,), name="y")
    shared = dense("shared")
    graph = connections(
        tf_keras.Model([first, second], layers.Add(name="sum")([shared(first), shared(second)]))
    )
    assert named(graph) == {"x": [], "y": [], "shared": ["x", "y"], "sum": ["shared"]}


def test_a_layer_that_feeds_itself_does_not_hang() -> None:
    x = layers.Input((4,), name="x")
    twice = dense("twice")
    graph = connections(tf_keras.Model(x, twice(twice(x))))
    assert named(graph) == {"x": [], "twice": ["x", "twice"]}
    assert graph.followed(graph.outputs, graph.producers, stop=lambda layer: False) == [
        twice,
        graph.layers[0],
    ]


def test_following_stops_where_it_is_told() -> None:
    graph = connections(
        tf_keras.Sequential([layers.Input((4,), name="x"), dense("a"), dense("b"), dense("c")])
    )
    x, a, b, c = graph.layers
    assert graph.followed([a], graph.consumers, stop=lambda layer: layer is b) == [a, b]
    assert graph.followed([c], graph.producers, stop=lambda layer: layer is b) == [c, b]
    assert graph.followed([a], graph.consumers, stop=lambda layer: False) == [a, b, c]
    assert graph.followed([x], graph.consumers, stop=lambda layer: True) == [x]


def test_a_subclassed_model_inside_stands_as_one_layer() -> None:
    class Own(tf_keras.Model):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    x = layers.Input((4,), name="x")
    graph = connections(tf_keras.Model(x, dense("a")(Own(name="own")(x))))
    assert named(graph) == {"x": [], "own": ["x"], "a": ["own"]}

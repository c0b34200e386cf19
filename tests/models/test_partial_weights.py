from pathlib import Path

import numpy as np
import pytest
import tf_keras

from runner.models import build_model
from runner.models.load_weights import load_weights
from runner.process.errors import UserError
from runner.recipe.recipe import Model

layers = tf_keras.layers


def with_head(name: str, units: int) -> tf_keras.Model:
    sizes = {"one": 4, "two": 4, name: units}
    made = [layers.Dense(size, name=own, bias_initializer="random_normal") for own, size in sizes.items()]
    return tf_keras.Sequential([layers.Input((4,), name="in"), *made], name="with_head")


@pytest.mark.parametrize("suffix", [".keras", ".h5", "_weights.h5", ".weights.h5"])
def test_layers_can_be_left_as_they_are_built(tmp_path: Path, suffix: str) -> None:
    path, source, target = tmp_path / f"m{suffix}", with_head("head", 9), with_head("head", 3)
    source.save_weights(path) if "weights" in suffix else source.save(path)
    built = target.get_layer("head").get_weights()
    with pytest.raises(UserError, match=r"different: head kernel.*\n  recipe\.model\.weights_ignore=\[LAYER"):
        load_weights(target, path)
    told = load_weights(target, path, ["he*"])
    ordered = ", 2 of them by order, not by name (dense as one, ...)" if suffix == ".weights.h5" else ""
    assert told == (
        f"weights of m{suffix}: 2 layers loaded{ordered}; left as built: head [4, 3], [3];"
        " not taken from the file: head [4, 9], [9]"
    )
    for name in ("one", "two"):
        np.testing.assert_array_equal(target.get_layer(name).kernel, source.get_layer(name).kernel)
    for found, weight in zip(target.get_layer("head").get_weights(), built, strict=True):
        np.testing.assert_array_equal(found, weight)


def test_a_layer_is_left_out_on_the_side_that_has_it(tmp_path: Path) -> None:
    with_head("old", 9).save(tmp_path / "m.keras")
    told = load_weights(with_head("new", 9), tmp_path / "m.keras", ["new", "old"])
    left = "left as built: new [4, 9], [9]; not taken from the file: old [4, 9], [9]"
    assert told == f"weights of m.keras: 2 layers loaded; {left}"
    headless = with_head("old", 9)
    headless.pop()
    told = load_weights(headless, tmp_path / "m.keras", ["old"])
    assert told == "weights of m.keras: 2 layers loaded; not taken from the file: old [4, 9], [9]"
    headless.pop()
    assert ": 1 layer loaded;" in load_weights(headless, tmp_path / "m.keras", ["two", "old"])
    # A layer that would fit is left out as well.
    target = with_head("old", 9)
    before = target.get_layer("old").get_weights()
    load_weights(target, tmp_path / "m.keras", ["re:ol."])
    np.testing.assert_array_equal(target.get_layer("old").get_weights()[0], before[0])


@pytest.mark.parametrize(
    ("ignore", "message"),
    [
        (
            ["hedd"],
            r"no layer with weights is called 'hedd' .* mean 'head'\? Layers that do not fit: head\.$",
        ),
        (["*"], "weights_ignore: leaves nothing to load from "),
    ],
)
def test_what_is_left_out_must_be_there_and_not_all(tmp_path: Path, ignore: list[str], message: str) -> None:
    with_head("head", 9).save(tmp_path / "m.keras")
    with pytest.raises(UserError, match=message):
        load_weights(with_head("head", 3), tmp_path / "m.keras", ignore)


def test_a_notop_file_as_keras_ships_them_fills_all_but_the_head(tmp_path: Path) -> None:
    source = tf_keras.applications.MobileNetV3Small(
        weights=None, include_top=False, input_shape=(32, 32, 3), minimalistic=True
    )
    path = tmp_path / "notop.h5"
    source.save_weights(path)
    head = ("Conv_2", "Logits")
    told: list[str] = []

    built = build_model(
        Model("MobileNetV3Small", None, str(path), head, {"minimalistic": True}),
        input_shape=(32, 32, 3),
        num_classes=4,
        tell=told.append,
    )

    weighty = [layer for layer in source.layers if layer.weights]
    assert told == [
        f"weights of notop.h5: {len(weighty)} layers loaded; left as built: Conv_2 [1, 1, 576, 1024], [1024];"
        " Logits [1, 1, 1024, 4], [4]"
    ]
    for layer in weighty:
        for found, weight in zip(built.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True):
            np.testing.assert_array_equal(found, weight)


def test_a_number_that_keras_counted_on_does_not_part_a_layer_from_its_own(tmp_path: Path) -> None:
    # The second network of a process has `normalization_1` where the first has `normalization`.
    sources = [tf_keras.Sequential([layers.Input((3,)), layers.Normalization()]) for _ in range(2)]
    assert sources[1].layers[0].name.startswith("normalization_")
    sources[1].layers[0].adapt(np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 7.0]]))
    sources[1].save_weights(tmp_path / "m.h5")
    target = tf_keras.Sequential([layers.Input((3,)), layers.Normalization(name="normalization")])
    load_weights(target, tmp_path / "m.h5")
    np.testing.assert_allclose(target(np.array([[3.0, 4.0, 7.0]])), [[1.0, 1.0, 1.0]], rtol=1e-6)

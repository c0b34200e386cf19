import importlib.metadata
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tf_keras

from runner.models import build_model
from runner.models.load_weights import load_weights
from runner.process.errors import UserError
from runner.recipe.recipe import Model
from tests.models.kept_models import models, settle

NAMES = ("images", "nested", "sequences", "others")
layers = tf_keras.layers


@pytest.fixture(scope="module")
def kept() -> dict[str, tf_keras.Model]:
    return models(tf_keras)


@pytest.fixture(scope="module")
def keras_3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files that Keras 3 saved, in a process of its own."""
    try:
        version = importlib.metadata.version("keras")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("Keras 3 is not installed")
    if not version.startswith("3."):
        pytest.skip(f"keras is {version}, not Keras 3")
    folder = tmp_path_factory.mktemp("keras_3")
    script = Path(__file__).with_name("kept_models.py")
    environment = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    subprocess.run(
        [sys.executable, str(script), str(folder)],
        env=environment | {"KERAS_BACKEND": "tensorflow"},
        check=True,
        timeout=240,
    )
    return folder


def forget(model: tf_keras.Model) -> None:
    model.set_weights([np.full_like(weight, 3) for weight in model.get_weights()])


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".h5"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_keras_3_computes_the_same(
    kept: dict[str, tf_keras.Model], keras_3: Path, name: str, suffix: str
) -> None:
    forget(kept[name])
    load_weights(kept[name], keras_3 / f"{name}{suffix}")
    data = np.load(keras_3 / f"{name}.npz")
    np.testing.assert_allclose(kept[name].predict(data["x"], verbose=0), data["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", [".weights.h5", "_weights.h5", ".keras", ".h5"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_tf_keras_comes_back(
    kept: dict[str, tf_keras.Model], tmp_path: Path, name: str, suffix: str
) -> None:
    model, path = kept[name], tmp_path / f"{name}{suffix}"
    settle(model)
    saved = model.get_weights()
    if "weights" in suffix:
        model.save_weights(path)
    else:
        model.save(path)
    forget(model)
    load_weights(model, path)
    for found, weight in zip(model.get_weights(), saved, strict=True):
        np.testing.assert_array_equal(found, weight)


def two_dense(*names: str, units: int = 4) -> tf_keras.Model:
    made = [layers.Dense(units, name=name, bias_initializer="random_normal") for name in names]
    return tf_keras.Sequential([layers.Input((4,), name="in"), *made], name="model")


@pytest.mark.parametrize("suffix", [".keras", ".h5", "_weights.h5"])
def test_layers_are_found_by_name_not_by_order(tmp_path: Path, suffix: str) -> None:
    path, source, target = tmp_path / f"m{suffix}", two_dense("a", "b"), two_dense("b", "a")
    source.save_weights(path) if "weights" in suffix else source.save(path)
    load_weights(target, path)
    for name in ("a", "b"):
        np.testing.assert_array_equal(target.get_layer(name).kernel, source.get_layer(name).kernel)
        np.testing.assert_array_equal(target.get_layer(name).bias, source.get_layer(name).bias)


@pytest.mark.parametrize("suffix", [".keras", ".h5", "_weights.h5"])
@pytest.mark.parametrize(("first", "second"), [(3, 4), (1, 2), (9, 10)])
def test_names_that_keras_counted_are_paired_in_order(
    tmp_path: Path, suffix: str, first: int, second: int
) -> None:
    path, source = tmp_path / f"m{suffix}", two_dense("own", f"dense_{first}", f"dense_{second}")
    target = two_dense("own", "dense", "dense_1")
    source.save_weights(path) if "weights" in suffix else source.save(path)
    told = f"3 layers loaded, 2 of them by order, not by name (dense_{first} as dense, ...)"
    assert load_weights(target, path) == f"weights of m{suffix}: {told}"
    for found, weight in zip(target.get_weights(), source.get_weights(), strict=True):
        np.testing.assert_array_equal(found, weight)


@pytest.mark.parametrize("names", [("dense_3", "dense_5"), ("dense_2",), ("dense_1", "dense_2", "dense_3")])
def test_a_count_that_tells_no_order_is_a_mismatch(tmp_path: Path, names: tuple[str, ...]) -> None:
    two_dense(*names).save(tmp_path / "m.keras")
    with pytest.raises(UserError, match="do not fit"):
        load_weights(two_dense("dense", "dense_1"), tmp_path / "m.keras")


def alike() -> tf_keras.Model:
    """Two branches and a nested model of fifteen layers that only their places tell apart."""

    def chain(names: list[str], x: Any) -> Any:
        for name in names:
            x = layers.Dense(4, name=name, bias_initializer="random_normal")(x)
        return x

    inside = layers.Input((4,))
    inner = tf_keras.Model(inside, chain(["z", "y", "x"], inside), name="inner")
    inputs = layers.Input((4,))
    left, right = chain(list("fedcba"), inputs), chain(list("ghijkl"), inner(inputs))
    return tf_keras.Model(inputs, layers.Add()([left, inner(right)]))


def test_layers_alike_keep_their_places_in_a_file_without_names(tmp_path: Path) -> None:
    source, target = alike(), alike()
    source.save_weights(tmp_path / "m.weights.h5")
    load_weights(target, tmp_path / "m.weights.h5")
    for name in "abcdefghijkl":
        np.testing.assert_array_equal(target.get_layer(name).kernel, source.get_layer(name).kernel)
        np.testing.assert_array_equal(target.get_layer(name).bias, source.get_layer(name).bias)
    for name in "xyz":
        found, wanted = (model.get_layer("inner").get_layer(name) for model in (target, source))
        np.testing.assert_array_equal(found.kernel, wanted.kernel)


def test_names_that_keras_3_writes_without_a_slash_are_found(tmp_path: Path) -> None:
    source, target = two_dense("block_bn"), two_dense("Block/BatchNorm")
    source.save(tmp_path / "m.keras")
    load_weights(target, tmp_path / "m.keras")
    np.testing.assert_array_equal(target.layers[0].kernel, source.layers[0].kernel)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_mismatch_names_both_sides_and_changes_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    two_dense("same", "hidden_1").save(path)
    target = two_dense("same", "hidden", units=5)
    before = target.get_weights()
    with pytest.raises(UserError) as caught:
        load_weights(target, path)
    assert str(caught.value).splitlines() == [
        f"recipe.model.weights: {path}: its weights do not fit the model 'model'; none were loaded",
        "  only in the file: hidden_1 [4, 4], [4] (nearest: hidden)",
        "  only in the model: hidden [5, 5], [5] (nearest: hidden_1)",
        "  different: same kernel: [4, 4] in the file, [4, 5] in the model; same bias: [4] in the file, [5]"
        " in the model",
        "  recipe.model.weights_ignore=[LAYER, ...] leaves layers as they are built",
    ]
    for found, weight in zip(target.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, weight)


def test_a_file_without_names_is_counted_by_class(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    two_dense("a", "b", "c").save_weights(path)
    with pytest.raises(UserError, match=r"only in the file: dense_2 \[4, 4\], \[4\]\n"):
        load_weights(two_dense("a", "b"), path)
    with pytest.raises(UserError, match=r"only in the model: d \(as dense_3\) \[4, 4\], \[4\]"):
        load_weights(two_dense("a", "b", "c", "d"), path)
    wider = two_dense("a", "b", "c")
    wider.pop()
    wider.add(layers.Dense(5, name="wide"))
    with pytest.raises(
        UserError,
        match=r"different: wide kernel: \[4, 4\] in the file \(dense_2\), \[4, 5\] in the model; wide bias: ",
    ):
        load_weights(wider, path)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_bias_that_is_missing_is_told(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m{suffix}"
    tf_keras.Sequential([layers.Input((4,)), layers.Dense(4, use_bias=False, name="a")]).save(path)
    with pytest.raises(
        UserError, match=r"different: a: (kernel )?\[4, 4\] in the file, .*\[4, 4\], .*\[4\] in the model"
    ):
        load_weights(two_dense("a"), path)


def test_nested_layers_are_reported_by_their_path(tmp_path: Path) -> None:
    def outer(*names: str) -> tf_keras.Model:
        return tf_keras.Sequential(
            [layers.Input((4,)), tf_keras.Sequential(two_dense(*names).layers, name="inner")]
        )

    outer("a", "old").save(tmp_path / "m.keras")
    with pytest.raises(UserError, match=r"file: inner/old .*\n  only in the model: inner/new "):
        load_weights(outer("a", "new"), tmp_path / "m.keras")


def test_leaves_that_names_do_not_tell_apart_are_refused(tmp_path: Path) -> None:
    def outer(*names: str) -> tf_keras.Model:
        blocks = [
            tf_keras.Sequential([layers.Input((4,)), layers.Dense(4, name="dense")], name=name)
            for name in names
        ]
        return tf_keras.Sequential([layers.Input((4,)), tf_keras.Sequential(blocks, name="outer")])

    outer("a").save(tmp_path / "m.h5")
    with pytest.raises(UserError, match="dense/kernel of the file may belong to outer/a/dense or outer/b/de"):
        load_weights(outer("a", "b"), tmp_path / "m.h5")
    outer("a", "b").save(tmp_path / "m.keras")
    load_weights(outer("b", "a"), tmp_path / "m.keras")


def test_within_a_layer_names_outrank_order(tmp_path: Path) -> None:
    model = two_dense("a")
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "a") as file:
        names = file["model_weights/a"].attrs["weight_names"]
        file["model_weights/a"].attrs["weight_names"] = names[::-1]
    saved = model.get_weights()
    forget(model)
    load_weights(model, tmp_path / "m.h5")
    for found, weight in zip(model.get_weights(), saved, strict=True):
        np.testing.assert_array_equal(found, weight)


def test_a_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    model = two_dense("a", "b")
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        for key in ("dense", "dense_1"):
            file[f"layers/{key}/vars"].attrs["name"] = "a"
    with pytest.raises(UserError, match="a: 2 layers of the file have this name"):
        load_weights(model, path)


def test_code_in_the_file_is_not_run(tmp_path: Path) -> None:
    bait = tmp_path / "ran"
    code = lambda x, to=str(bait): (__import__("pathlib").Path(to).write_text(""), x)[1]  # noqa: E731
    model = tf_keras.Sequential([layers.Input((4,)), layers.Lambda(code), layers.Dense(4, name="a")])
    model.save(tmp_path / "m.keras")
    bait.unlink()
    target = two_dense("a")
    load_weights(target, tmp_path / "m.keras")
    np.testing.assert_array_equal(target.get_layer("a").kernel, model.get_layer("a").kernel)
    assert not bait.exists()


def test_half_precision_is_read(tmp_path: Path) -> None:
    model = two_dense("a")
    model.save_weights(tmp_path / "m.weights.h5")
    values = np.array([[0.5, -1.0, 2.0, 4.0]] * 4, np.float32)
    with h5py.File(tmp_path / "m.weights.h5", "a") as file:
        stored = file["layers/dense/vars"]
        del stored["0"]
        stored.create_dataset("0", data=(values.view(np.uint32) >> 16).astype(np.uint16)).attrs["dtype"] = (
            "bfloat16"
        )
    load_weights(model, tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(model.get_layer("a").kernel, values)


def test_unusable_files_are_refused(tmp_path: Path) -> None:
    model = two_dense("a")
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "ckpt")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "m.keras").read_bytes()[:2000])
    (tmp_path / "text.h5").write_text("no weights")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with h5py.File(tmp_path / "words.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = "a word"
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("a.txt", "no model")
    broken = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "broken.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": [{}]}}))
        with h5py.File(broken, "w"):
            pass
        archive.writestr("model.weights.h5", broken.getvalue())
    np.savez(tmp_path / "data.npz", a=1, b=2, c=3, d=4, e=5)
    refused: list[tuple[str, str]] = [
        ("data.npz", r"this is a NumPy archive \(a, b, c, d, \.\.\.\); data goes to recipe\.data\.path"),
        ("none.h5", "there is no such file$"),
        ("ckpt", "no such file .a TensorFlow checkpoint of that name is"),
        (".", "this is a folder"),
        ("cut.keras", "neither a .keras nor an .h5 file"),
        ("text.h5", "neither a .keras nor an .h5 file"),
        ("empty.h5", "no weights of layers are in it"),
        ("words.weights.h5", "an array of 'object', not of numbers"),
        ("other.keras", "damaged file"),
        ("broken.keras", "damaged file"),
    ]
    for name, message in refused:
        with pytest.raises(UserError, match=message) as caught:
            load_weights(model, tmp_path / name)
        assert str(caught.value).startswith("recipe.model.weights: ")


def test_a_recipe_names_the_file(tmp_path: Path) -> None:
    shape: dict[str, Any] = {"input_shape": (4, 4, 2), "num_classes": None, "target_shape": (4, 1, 16)}
    saved = build_model(Model(name="two_conv"), **shape)
    saved.save_weights(tmp_path / "w.weights.h5")
    loaded = build_model(Model(name="two_conv", weights=str(tmp_path / "w.weights.h5")), **shape)
    for found, weight in zip(loaded.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(found, weight)
    with pytest.raises(UserError, match=r"recipe\.model\.weights: .*none\.h5: there is no such file"):
        build_model(Model(name="two_conv", weights=str(tmp_path / "none.h5")), **shape)

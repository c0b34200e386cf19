import json
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tf_keras

from runner.models.saved import load_saved_model, reload_model
from runner.process.errors import RunFailed, UserError
from tests.models.kept_models import models, settle


def small() -> tf_keras.Sequential:
    return tf_keras.Sequential(
        [tf_keras.layers.Input((4,), name="in"), tf_keras.layers.Dense(3, name="out")], name="small"
    )


def save(path: Path, model: tf_keras.Model) -> Path:
    model.save(path)
    return path


def as_keras_3(path: Path) -> Path:
    """Rewrites the version in a `.keras` or `.h5` file."""
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            file.attrs["keras_version"] = "3.15.1"
        return path
    source = path.rename(path.with_suffix(".source"))
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "metadata.json":
                content = json.dumps(json.loads(content) | {"keras_version": "3.15.1"}).encode()
            new.writestr(name, content)
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_weights_and_names_come_back_uncompiled(tmp_path: Path, suffix: str) -> None:
    model = small()
    model.compile("sgd", "mse")
    loaded = load_saved_model(save(tmp_path / f"m{suffix}", model))
    np.testing.assert_array_equal(loaded.get_layer("out").kernel, model.get_layer("out").kernel)
    assert loaded.optimizer is None


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_models_load_as_tf_keras_loads_them(tmp_path: Path, suffix: str) -> None:
    for name, model in models(tf_keras).items():
        settle(model)
        model.layers[1].trainable = False
        path = save(tmp_path / f"{name}{suffix}", model)
        loaded, wanted = load_saved_model(path), tf_keras.models.load_model(path, compile=False)
        assert loaded.get_config() == wanted.get_config()
        assert not loaded.layers[1].weights or not loaded.layers[1].trainable_weights
        for found, weight in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(found, weight)


class Doubled(tf_keras.layers.Layer):
    """A class that no module registers."""

    def call(self, x: object) -> object:
        return 2 * x  # type: ignore[operator]


def test_what_this_process_saved_loads_with_its_own_code(tmp_path: Path) -> None:
    each = tf_keras.layers.TimeDistributed(Doubled(name="own"))
    code = tf_keras.layers.Lambda(lambda x: x + 1)
    model = tf_keras.Sequential([tf_keras.Input((3, 4)), each, code, tf_keras.layers.Dense(2)])
    path = save(tmp_path / "m.keras", model)
    x = np.ones((1, 3, 4), np.float32)
    np.testing.assert_array_equal(reload_model(path, model)(x), model(x))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunFailed, match=r"m\.keras: tf-keras cannot load what it saved: File is not a zip"):
        reload_model(path, model)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_keras_3_file_is_named_as_such(tmp_path: Path, suffix: str) -> None:
    path = as_keras_3(save(tmp_path / f"m{suffix}", small()))
    with pytest.raises(
        UserError, match=r"saved by Keras 3\.15\.1, .* tf-keras.* recipe\.model\.weights"
    ) as caught:
        load_saved_model(path)
    assert str(caught.value).startswith(f"recipe.model.path: {path}: ")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_code_in_the_file_is_not_run(tmp_path: Path, suffix: str) -> None:
    bait = tmp_path / "ran"
    # The file carries this code without the names around it.
    code = lambda x, to=str(bait): (__import__("pathlib").Path(to).write_text(""), x)[1]  # noqa: E731
    inner = tf_keras.Sequential([tf_keras.layers.Lambda(code, name="trap")], name="inner")
    model = tf_keras.Sequential([tf_keras.layers.Input((4,), name="in"), inner])
    path = save(tmp_path / f"m{suffix}", model)
    assert bait.exists()
    bait.unlink()
    with pytest.raises(
        UserError,
        match=r"layer 'inner/trap', the class 'Lambda' .* code comes with the file\. .*\.weights",
    ):
        load_saved_model(path)
    assert not bait.exists()


def test_a_class_that_is_not_there_is_named(tmp_path: Path) -> None:
    class Doubled(tf_keras.layers.Layer):
        def call(self, x: object) -> object:
            return x

    path = save(tmp_path / "m.h5", tf_keras.Sequential([tf_keras.layers.Input((4,)), Doubled(name="own")]))
    with pytest.raises(UserError, match=r"layer 'own', the class 'Doubled' .* `plugins` has registered it"):
        load_saved_model(path)


def test_a_file_with_weights_only_says_so(tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    small().save_weights(path)
    with pytest.raises(UserError, match=r"only weights are in it.*recipe\.model\.weights"):
        load_saved_model(path)


def test_missing_and_damaged_files_are_refused(tmp_path: Path) -> None:
    keras, h5 = save(tmp_path / "m.keras", small()), save(tmp_path / "m.h5", small())
    (tmp_path / "cut.keras").write_bytes(keras.read_bytes()[:2000])
    (tmp_path / "cut.h5").write_bytes(h5.read_bytes()[:2000])
    (tmp_path / "text.keras").write_text("no model")
    shutil.copy(keras, tmp_path / "renamed.h5")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("a.txt", "no model")
    np.savez(tmp_path / "data.npz", x_train=np.zeros(2), y_train=np.zeros(2))
    (tmp_path / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        archive.writestr("archive/data.pkl", "")
    with zipfile.ZipFile(keras) as old, zipfile.ZipFile(tmp_path / "bare.keras", "w") as new:
        for name in ("config.json", "metadata.json"):
            new.writestr(name, old.read(name))
    for name, message in [
        ("none.keras", "there is no such file"),
        (".", "this is a folder"),
        ("cut.keras", "damaged"),
        ("cut.h5", "damaged"),
        ("text.keras", "damaged"),
        ("other.keras", "damaged"),
        ("bare.keras", r"damaged one .*no item named 'model\.weights\.h5'"),
        ("renamed.h5", r"ends in \.keras"),
        ("data.npz", r"this is a NumPy archive \(x_train, y_train\); data goes to recipe\.data\.path"),
        ("m.tflite", "this is a TFLite file, which cannot be trained"),
        ("m.pt", "this is a PyTorch checkpoint"),
    ]:
        with pytest.raises(UserError, match=message):
            load_saved_model(tmp_path / name)

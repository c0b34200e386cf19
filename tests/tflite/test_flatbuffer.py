import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from runner.tflite.constant import Encoding, StoredConstant, Use
from runner.tflite.flatbuffer import TFLiteFileError, read_constants
from tests.tflite_files import convert

KERNEL = np.array([[1.0, -2.0], [0.0, 4.0], [0.5, 0.0]], np.float32)  # [3 inputs, 2 outputs]


def dense(kernel: np.ndarray) -> tf_keras.Model:
    model = tf_keras.Sequential(
        [tf_keras.layers.Input(kernel.shape[:1]), tf_keras.layers.Dense(kernel.shape[1], name="d")]
    )
    model.get_layer("d").set_weights([kernel, np.arange(1.0, 1 + kernel.shape[1])])
    return model


def written(path: Path, model: tf_keras.Model, *optimizations: tf.lite.Optimize, **target: object) -> Path:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = list(optimizations)
    for key, value in target.items():
        setattr(converter.target_spec, key, value)
    path.write_bytes(converter.convert())
    return path


def kernel_of(path: Path) -> StoredConstant:
    (found,) = [constant for constant in read_constants(path) if Use("FULLY_CONNECTED", 1) in constant.uses]
    return found


def blocks(inputs: int, outputs: int, block: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    kept = np.repeat(rng.random((-(-inputs // block), outputs)) >= 0.8, block, axis=0)[:inputs]
    return (rng.normal(size=(inputs, outputs)) * kept).astype(np.float32)


def test_a_dense_layer_is_read_with_its_values_shape_and_readers(tmp_path: Path) -> None:
    constants = read_constants(written(tmp_path / "m.tflite", dense(KERNEL)))
    kernel, bias = sorted(constants, key=lambda c: -c.values.size)
    assert kernel.shape == (2, 3)
    np.testing.assert_array_equal(kernel.values, [[1.0, 0.0, 0.5], [-2.0, 4.0, 0.0]])
    assert (kernel.dtype, kernel.quantized, kernel.subgraph) == ("float32", False, 0)
    assert kernel.uses == (Use("FULLY_CONNECTED", 1),)
    assert bias.uses == (Use("FULLY_CONNECTED", 2),)
    np.testing.assert_array_equal(bias.values, [1.0, 2.0])
    np.testing.assert_array_equal(kernel.steps(), [[0.0]])
    assert "float32 [2, 3], read by FULLY_CONNECTED input 1" in str(kernel)


def test_a_convolution_lies_output_first(tmp_path: Path) -> None:
    model = tf_keras.Sequential(
        [tf_keras.layers.Input((4, 4, 2)), tf_keras.layers.Conv2D(3, (1, 2), name="c")]
    )
    kernel = np.arange(1.0, 13.0, dtype=np.float32).reshape(1, 2, 2, 3)
    model.get_layer("c").set_weights([kernel, np.ones(3)])
    (found,) = [c for c in read_constants(written(tmp_path / "m.tflite", model)) if c.values.ndim == 4]
    np.testing.assert_array_equal(found.values, kernel.transpose(3, 0, 1, 2))
    assert found.uses == (Use("CONV_2D", 1),)


def test_half_floats_are_widened_and_seen_through_their_dequantize(tmp_path: Path) -> None:
    kernel = np.array([[1.0, 0.1], [0.0, -3.0]], np.float32)
    path = written(
        tmp_path / "m.tflite", dense(kernel), tf.lite.Optimize.DEFAULT, supported_types=[tf.float16]
    )
    found = kernel_of(path)
    assert found.dtype == "float16"
    assert found.uses == (Use("DEQUANTIZE", 0), Use("FULLY_CONNECTED", 1))
    np.testing.assert_array_equal(found.values, kernel.T.astype(np.float16).astype(np.float32))
    # Half floats have 10 bits behind the leading one.
    np.testing.assert_array_equal(found.steps(), [[2.0**-10, 2.0**-24], [2.0**-14, 2.0**-9]])


def test_int8_is_brought_back_to_real_numbers_with_a_scale_per_output(tmp_path: Path) -> None:
    kernel = np.random.default_rng(1).normal(size=(1024, 4)).astype(np.float32)
    kernel[::2] = 0.0
    kernel[1] = [1.27, 2.54, -12.7, 127.0]
    found = kernel_of(written(tmp_path / "m.tflite", dense(kernel), tf.lite.Optimize.DEFAULT))
    assert (found.dtype, found.quantized, found.axis) == ("int8", True, 0)
    np.testing.assert_allclose(found.scale, np.abs(kernel).max(axis=0) / 127, rtol=1e-6)
    np.testing.assert_array_equal(found.zero_point, [0, 0, 0, 0])
    np.testing.assert_array_equal(found.steps(), found.scale[:, None])
    assert np.all(np.abs(found.values - kernel.T) <= 0.5001 * found.steps())
    assert not found.values[:, ::2].any()


@pytest.mark.parametrize("block", [1, 4])
def test_sparse_encodings_are_made_dense(tmp_path: Path, block: int) -> None:
    kernel = blocks(64, 32, block)
    path = written(tmp_path / "m.tflite", dense(kernel), tf.lite.Optimize.EXPERIMENTAL_SPARSITY)
    assert path.stat().st_size < kernel.nbytes  # so it is encoded
    found = kernel_of(path)
    np.testing.assert_array_equal(found.values, kernel.T)


def test_a_sparse_convolution_is_seen_through_its_densify(tmp_path: Path) -> None:
    layer = tf_keras.layers.Conv2D(32, 3, name="c")
    model = tf_keras.Sequential([tf_keras.layers.Input((4, 4, 16)), layer])
    rng = np.random.default_rng(2)
    kernel = (rng.normal(size=(3, 3, 16, 32)) * (rng.random((3, 3, 16, 32)) >= 0.9)).astype(np.float32)
    layer.set_weights([kernel, np.ones(32)])
    path = written(tmp_path / "m.tflite", model, tf.lite.Optimize.EXPERIMENTAL_SPARSITY)
    (found,) = [c for c in read_constants(path) if c.values.ndim == 4]
    assert found.uses == (Use("DENSIFY", 0), Use("CONV_2D", 1))
    np.testing.assert_array_equal(found.values, kernel.transpose(3, 0, 1, 2))


@pytest.mark.parametrize("sparse", [False, True])
def test_a_kernel_knows_the_integers_of_its_bias(tmp_path: Path, sparse: bool) -> None:
    entry = tf_keras.layers.Input((4, 4, 16))
    made = tf_keras.layers.Conv2D(32, 3, name="conv")(entry)
    made = tf_keras.layers.Conv2DTranspose(32, 3, name="transposed")(made)
    made = tf_keras.layers.DepthwiseConv2D(3, name="depthwise")(made)
    made = tf_keras.layers.Dense(32, use_bias=False, name="unbiased")(tf_keras.layers.Flatten()(made))
    model = tf_keras.Model(entry, made)
    rng = np.random.default_rng(3)
    for weight in model.weights:
        kept = rng.random(weight.shape) >= (0.9 if "bias" not in weight.name else 0.0)
        weight.assign(rng.normal(size=weight.shape) * kept)
    path = tmp_path / "m.tflite"
    samples = rng.normal(size=(20, 4, 4, 16)).astype(np.float32)
    convert(model, "int8_sparse" if sparse else "int8", path, samples)
    constants = read_constants(path)
    kernels = {
        use.op: constant for constant in constants for use in constant.uses if constant.dtype == "int8"
    }
    assert (Use("DENSIFY", 0) in kernels["CONV_2D"].uses) == sparse
    for op, name in (
        ("CONV_2D", "conv"),
        ("TRANSPOSE_CONV", "transposed"),
        ("DEPTHWISE_CONV_2D", "depthwise"),
    ):
        [stored] = kernels[op].biases
        assert stored.dtype == np.int32
        [bias] = [c for c in constants if c.stored is stored]
        trained = model.get_layer(name).bias.numpy()
        np.testing.assert_allclose(bias.values, trained, atol=1e-2)
        assert bias.biases == ()
    assert kernels["FULLY_CONNECTED"].biases == ()


def test_int8_behind_a_sparse_encoding_is_read_too(tmp_path: Path) -> None:
    kernel = blocks(64, 32, 16)
    samples = np.random.default_rng(3).normal(size=(20, 1, 64)).astype(np.float32)
    converter = tf.lite.TFLiteConverter.from_keras_model(dense(kernel))
    converter.optimizations = [tf.lite.Optimize.DEFAULT, tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    converter.representative_dataset = lambda: ([sample] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    found = kernel_of(path)
    assert found.dtype == "int8"
    assert not found.values[kernel.T == 0].any()
    assert np.all(np.abs(found.values - kernel.T) <= 0.5001 * found.steps())


def narrow(path: Path) -> Path:
    """The encoder writes blocks of 4 inputs for the first layer, which has 3; the second is sound."""
    model = tf_keras.Sequential(
        [tf_keras.layers.Input((3,)), *[tf_keras.layers.Dense(32, name=name) for name in ("a", "b")]]
    )
    rng = np.random.default_rng(0)
    for name, inputs in (("a", 3), ("b", 32)):
        kernel = rng.normal(size=(inputs, 32)).astype(np.float32)
        kernel[:, ::2] = 0.0
        model.get_layer(name).set_weights([kernel, np.zeros(32)])
    return written(path, model, tf.lite.Optimize.EXPERIMENTAL_SPARSITY)


def test_an_encoding_that_the_converter_broke_is_told_of_that_tensor_alone(tmp_path: Path) -> None:
    broken, sound = sorted(
        (c for c in read_constants(narrow(tmp_path / "m.tflite")) if c.encoding), key=lambda c: c.shape
    )
    assert (broken.shape, sound.shape) == ((32, 3), (32, 32))
    assert broken.problem == (
        "its sparse encoding is broken: it points at 0 to 3 along dimension 1, which has 3"
    )
    assert np.isnan(broken.values).all()
    assert not broken.zeros.any()
    assert sound.problem is None
    assert np.count_nonzero(sound.zeros) == 512


def test_how_a_tensor_is_stored_is_told(tmp_path: Path) -> None:
    def encoding_of(*optimizations: tf.lite.Optimize, block: int) -> Encoding | None:
        path = written(tmp_path / "m.tflite", dense(blocks(64, 32, block)), *optimizations)
        return kernel_of(path).encoding

    in_blocks = encoding_of(tf.lite.Optimize.EXPERIMENTAL_SPARSITY, block=4)
    alone = encoding_of(tf.lite.Optimize.EXPERIMENTAL_SPARSITY, block=1)
    assert (in_blocks, alone) == (Encoding((1, 4)), Encoding((1, 1)))
    assert (in_blocks and in_blocks.in_blocks, alone and alone.in_blocks) == (True, False)
    assert encoding_of(block=4) is None


def test_flipped_bytes_of_a_sparse_file_never_raise_anything_else(tmp_path: Path) -> None:
    path = written(tmp_path / "m.tflite", dense(blocks(32, 16, 4)), tf.lite.Optimize.EXPERIMENTAL_SPARSITY)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    flipped = tmp_path / "flipped.tflite"
    broken = damaged = 0
    for _ in range(1000):
        content = bytearray(whole)
        content[rng.integers(8, len(whole))] = rng.integers(256)
        flipped.write_bytes(content)
        try:
            constants = read_constants(flipped)
        except TFLiteFileError:
            damaged += 1
        else:
            broken += any(constant.problem for constant in constants)
    assert broken > 10
    assert damaged > 10


def test_constants_of_every_subgraph_are_read(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([1, 3], tf.float32)])
    def turn(x: tf.Tensor) -> tf.Tensor:
        matrix = tf.constant([[2.0, 0.0, 3.0], [5.0, 7.0, 0.0], [0.0, 11.0, 13.0]])
        return tf.while_loop(
            lambda i, y: i < tf.cast(y[0, 0], tf.int32), lambda i, y: (i + 1, y @ matrix), (0, x)
        )[1]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([turn.get_concrete_function()])
    path = tmp_path / "m.tflite"
    path.write_bytes(converter.convert())
    (found,) = [c for c in read_constants(path) if c.shape == (3, 3)]
    assert found.subgraph > 0
    np.testing.assert_array_equal(found.values, [[2, 5, 0], [0, 7, 11], [3, 0, 13]])


def told(path: Path) -> str:
    with pytest.raises(TFLiteFileError) as caught:
        read_constants(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_a_misspelled_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").touch()
    assert (
        told(tmp_path / "modle.tflite") == f"there is no such file. Did you mean '{tmp_path}/model.tflite'?"
    )
    assert told(tmp_path / "nowhere" / "a.tflite") == "there is no such file."


def test_an_empty_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").touch()
    assert told(tmp_path / "m.tflite") == "is empty, no TFLite file"
    assert told(tmp_path) == "is a folder; name a TFLite file"
    (tmp_path / "saved_model.pb").touch()
    assert told(tmp_path) == "is a folder, a SavedModel: convert it first; name a TFLite file"


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
@pytest.mark.parametrize(("suffix", "kind"), [(".keras", "a zip archive"), (".h5", "an HDF5 file")])
def test_keras_files(tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"m{suffix}"
    tf_keras.Sequential([tf_keras.layers.Input((2,)), tf_keras.layers.Dense(1)]).save(path)
    assert told(path) == f"is {kind}, no TFLite file; a Keras model is to be converted first"


def test_random_bytes_and_another_flatbuffer(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(random.Random(0).randbytes(5000))
    assert "is no TFLite file: its bytes 4 to 8 are" in told(path)
    content = bytearray(written(path, dense(KERNEL)).read_bytes())
    content[4:8] = b"ARRO"
    path.write_bytes(content)
    assert told(path) == "is no TFLite file: its bytes 4 to 8 are b'ARRO', not b'TFL3'"


def test_a_file_cut_anywhere_is_damaged_not_a_crash(tmp_path: Path) -> None:
    whole = written(tmp_path / "m.tflite", dense(KERNEL)).read_bytes()
    cut = tmp_path / "cut.tflite"
    for length in range(0, len(whole) - 16, 5):
        cut.write_bytes(whole[:length])
        with pytest.raises(TFLiteFileError, match=r"cut\.tflite: is (a damaged|no|empty, no) TFLite file"):
            read_constants(cut)


def test_flipped_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    whole = written(tmp_path / "m.tflite", dense(KERNEL)).read_bytes()
    rng = np.random.default_rng(0)
    flipped = tmp_path / "flipped.tflite"
    damaged = 0
    for _ in range(400):
        content = bytearray(whole)
        for position in rng.integers(8, len(whole), 4):
            content[position] = rng.integers(256)
        flipped.write_bytes(content)
        try:
            read_constants(flipped)
        except TFLiteFileError:
            damaged += 1
    assert damaged > 50


def test_reading_needs_no_tensorflow(tmp_path: Path) -> None:
    path = written(tmp_path / "m.tflite", dense(KERNEL))
    program = (
        "import sys; from runner.tflite.flatbuffer import read_constants;"
        f"print(len(read_constants({str(path)!r})), 'tensorflow' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["2", "False"]

import numpy as np

from runner.models import build_model
from runner.recipe.recipe import Model


def test_mnist_cnn_gives_probabilities() -> None:
    model = build_model(Model(name="mnist_cnn"), input_shape=(28, 28, 1), num_classes=10)
    assert [(layer.name, layer.output_shape[1:], layer.count_params()) for layer in model.layers] == [
        ("conv_1", (26, 26, 32), 320),
        ("pool_1", (13, 13, 32), 0),
        ("dropout_1", (13, 13, 32), 0),
        ("conv_2", (11, 11, 64), 18496),
        ("pool_2", (5, 5, 64), 0),
        ("dropout_2", (5, 5, 64), 0),
        ("flatten", (1600,), 0),
        ("dense", (256,), 409856),
        ("probabilities", (10,), 2570),
    ]
    assert [model.get_layer(name).rate for name in ("dropout_1", "dropout_2")] == [0.25, 0.25]
    outputs = model(np.random.default_rng(0).random((3, 28, 28, 1), np.float32)).numpy()
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-6)


def test_tutorial_cnn_has_the_layers_and_sizes_of_the_tutorial() -> None:
    model = build_model(Model(name="tutorial_cnn"), input_shape=(28, 28, 1), num_classes=10)
    assert [(layer.name, layer.output_shape[1:], layer.count_params()) for layer in model.layers] == [
        ("pruning_sparsity_0_5", (28, 28, 32), 832),
        ("pool_1", (14, 14, 32), 0),
        ("structural_pruning", (14, 14, 64), 51264),
        ("batch_norm", (14, 14, 64), 256),
        ("relu", (14, 14, 64), 0),
        ("pool_2", (7, 7, 64), 0),
        ("flatten", (3136,), 0),
        ("structural_pruning_dense", (1024,), 3212288),
        ("dropout", (1024,), 0),
        ("logits", (10,), 10250),
    ]
    activations = {
        layer.name: layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")
    }
    assert activations == {
        "pruning_sparsity_0_5": "relu",
        "structural_pruning": "linear",
        "structural_pruning_dense": "relu",
        "logits": "linear",
    }
    assert model.get_layer("dropout").rate == 0.4


def test_two_conv_has_convolutions_that_differ_in_their_input_only() -> None:
    model = build_model(
        Model(name="two_conv"), input_shape=(4, 128, 2), num_classes=None, target_shape=(4, 32, 16)
    )
    assert model.input_shape == (None, None, 128, 2)
    assert [layer.name for layer in model.layers] == ["conv_1", "conv_2"]
    assert [tuple(layer.kernel.shape) for layer in model.layers] == [(1, 8, 2, 16), (1, 8, 16, 16)]
    for layer in model.layers:
        assert (layer.strides, layer.padding, layer.activation.__name__) == ((1, 2), "same", "linear")
    assert model(np.zeros((2, 7, 128, 2), np.float32)).shape == (2, 7, 32, 16)

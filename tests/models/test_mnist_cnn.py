import numpy as np

from runner.models import build_model
from runner.recipe.recipe import Model


def test_layers_sizes_and_probabilities() -> None:
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

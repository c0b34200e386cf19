from runner.models import build_model
from runner.recipe.recipe import Model


def test_layers_and_sizes_are_the_tutorials() -> None:
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

"""The metrics that a run will log: what can be told of their names before it has begun."""

from runner.recipe.recipe import Recipe


def metric_names(recipe: Recipe, *, classifies: bool) -> tuple[str, ...]:
    """Returns MLflow's names of a run's metrics, as far as the recipe tells them.

    Not among them are those of single layers, and those of dense models, which pruning does not change.

    Args:
        recipe: The experiment.
        classifies: Whether its data has classes.
    """
    score = "accuracy" if classifies else "mean_squared_error"
    training = recipe.training
    watched = ("loss", *(training.metrics if training.metrics is not None else (score,)))
    splits = ("val", "train") if recipe.data.validation_split else ("train",)
    of_file = (score, "loss", "bytes", "gzip_bytes", "latency_ms", "latency_p90_ms")
    return (
        *(f"{split}/{name}" for split in splits for name in watched),
        *(f"test/{name}" for name in (score, "loss")),
        *(f"tflite_{variant}/{name}" for variant in recipe.export.variants for name in of_file),
        *("model/weights", "model/nonzero_weights", "model/keras_gzip_bytes"),
        *("sparsity/_model", "sparsity/_pruned_layers"),
        "training/steps",
    )

"""What dense weights are made from, and the key that sums it up: equal keys, equal weights."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from runner.datasets import Dataset
from runner.recipe.recipe import Recipe


def dense_ingredients(
    recipe: Recipe,
    data: Dataset,
    *,
    seed: int,
    computed_with: Mapping[str, str],
    source: Mapping[str, str],
    files: Mapping[str, str],
    plugins: Mapping[str, str],
) -> dict[str, Any]:
    """Gathers all that the dense weights of a run depend on.

    Layer rules, schedules, export, the epochs of pruning and the names of things are no part of it, so that
    the recipes of a comparison begin with the same weights.

    Args:
        recipe: Its `model` and `training`, and of `data` the validation split.
        data: Its content, and how it is split.
        seed: The run's seed.
        computed_with: Versions and device; see `runner.records.provenance.computed_with`.
        source: SHA-256 of the parts of the runner that decide about dense weights; see
            `runner.records.source_content`.
        files: SHA-256 of the files that the model names, by key; see `model_content`. They stand in the place
            of the paths.
        plugins: SHA-256 of each plugin; see `plugin_content`.

    Returns:
        Plain data, as the checkpoint's manifest shows it.
    """
    plain = recipe.to_mapping()
    training = {key: value for key, value in plain["training"].items() if key != "epochs"}
    split = recipe.data.validation_split
    return {
        "data": {
            "sha256": data.sha256,
            "classes": data.num_classes,
            "validation_split": split,
            "training_samples": len(data.split(split)[0]),
        },
        "model": {**plain["model"], **{key: f"sha256 {content}" for key, content in files.items()}},
        "training": training,
        "seed": seed,
        "computed_with": dict(computed_with),
        "source": dict(source),
        "plugins": dict(plugins),
    }


def dense_key(ingredients: Mapping[str, Any]) -> str:
    """Returns sixteen hex digits that only equal ingredients share, whatever the order of their keys."""
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]

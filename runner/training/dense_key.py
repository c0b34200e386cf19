"""The key of dense weights: a hash of all that they depend on. Equal keys, equal weights."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from runner.datasets import Dataset, Split
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.records.source_content import DENSE_PARTS


def dense_ingredients(
    recipe: Recipe, seed: int, data: Dataset, split: Split, ingredients: Ingredients
) -> dict[str, Any]:
    """Gathers all that the dense weights of a run depend on.

    Layer rules, schedules, export, the epochs of pruning and the names of things are no part of it, so that
    the recipes of a comparison begin with the same weights.

    Args:
        recipe: Its `model` and `training`, and of `data` the validation split.
        seed: The run's seed.
        data: Its number of classes.
        split: How many samples it trains on.
        ingredients: What else the run computes from. The SHA-256 of the model's files replace their paths; of
            the runner's source only what decides about dense weights counts.

    Returns:
        Plain data, as the checkpoint's manifest shows it.
    """
    plain = recipe.to_mapping()
    training = {key: value for key, value in plain["training"].items() if key != "epochs"}
    files = {key: f"sha256 {content}" for key, content in ingredients.files.items()}
    return {
        "data": {
            "sha256": ingredients.data,
            "classes": data.num_classes,
            "validation_split": recipe.data.validation_split,
            "training_samples": len(split.x_train),
        },
        "model": {**plain["model"], **files},
        "training": training,
        "seed": seed,
        "computed_with": dict(ingredients.computed_with),
        "source": {part: ingredients.source[part] for part in DENSE_PARTS},
        "plugins": dict(ingredients.plugins),
    }


def dense_key(ingredients: Mapping[str, Any]) -> str:
    """Returns sixteen hex digits that only equal ingredients share, whatever the order of their keys."""
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]

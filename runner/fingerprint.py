"""The fingerprint of a job: what must be equal for its result to be the same.

Two jobs of one fingerprint ask for the same computation, so a sweep that is resumed takes the result of the
one that has finished.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from runner.models.content import model_content
from runner.plugin_content import plugin_content
from runner.provenance import COMPUTING, versions
from runner.recipe.schema import Recipe
from runner.settings import RunSettings


def fingerprint(
    *,
    recipe_hash: str,
    seed: int,
    data_sha256: str,
    versions: Mapping[str, str],
    files: Mapping[str, str],
    plugins: Mapping[str, str],
) -> str:
    """Sums up a job.

    Args:
        recipe_hash: Of the resolved recipe.
        seed: The job's seed.
        data_sha256: Of the content of its data.
        versions: Of what computes: the runner, TensorFlow, tf-keras.
        files: SHA-256 of the model files that the recipe names, by key.
        plugins: SHA-256 of the plugins' source, by module.

    Returns:
        24 hex digits.
    """
    ingredients = {
        "recipe": recipe_hash,
        "seed": seed,
        "data": data_sha256,
        "versions": dict(versions),
        "files": dict(files),
        "plugins": dict(plugins),
    }
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def job_fingerprint(recipe: Recipe, settings: RunSettings, data_sha256: str) -> str:
    """Reads off a job, and the files that it names, what `fingerprint` sums up.

    Args:
        recipe: The experiment.
        settings: Its seed and plugins count.
        data_sha256: Of the content of its data.

    Raises:
        UserError: A model file that the recipe names is not there.
    """
    found = versions()
    return fingerprint(
        recipe_hash=recipe.hash,
        seed=settings.seed,
        data_sha256=data_sha256,
        versions={name: found[name] for name in COMPUTING},
        files=model_content(recipe.model),
        plugins=plugin_content(settings.plugins),
    )


def group_fingerprint(recipe: Recipe, settings: RunSettings, data_sha256: str) -> str:
    """Sums up all of a job but its seed: runs of which this is equal differ by chance alone.

    Args:
        recipe: The experiment.
        settings: Its plugins count.
        data_sha256: Of the content of its data.

    Returns:
        The fingerprint that the job would have with the seed 0.

    Raises:
        UserError: A model file that the recipe names is not there.
    """
    return job_fingerprint(recipe, replace(settings, seed=0), data_sha256)


def environment(settings: RunSettings) -> dict[str, str]:
    """Names what a job is computed with, for those who ask in what two jobs differ beside their recipes.

    Args:
        settings: Its plugins count.

    Returns:
        Versions by name and, by `plugin NAME`, the first 12 digits of the SHA-256 of a plugin's source.
    """
    found = versions()
    own = plugin_content(settings.plugins)
    return {name: found[name] for name in COMPUTING} | {f"plugin {name}": own[name][:12] for name in own}

"""The fingerprint of a job: what must be equal for its result to be the same.

Two jobs of one fingerprint ask for the same computation, so a sweep that is resumed takes the result of the
one that has finished.
"""

import hashlib
import json
from collections.abc import Mapping

from runner.recipe.plugin_content import plugin_content
from runner.recipe.recipe import Recipe
from runner.records.provenance import computed_with
from runner.records.source_content import source_content, source_sha256
from runner.settings import RunSettings


def fingerprint(
    *,
    recipe_hash: str,
    seed: int,
    data_sha256: str,
    computed_with: Mapping[str, str],
    source: Mapping[str, str],
    files: Mapping[str, str],
    plugins: Mapping[str, str],
) -> str:
    """Sums up a job.

    Args:
        recipe_hash: Of the resolved recipe.
        seed: The job's seed.
        data_sha256: Of the content of its data.
        computed_with: Versions and device; see `runner.records.provenance.computed_with`.
        source: SHA-256 of the parts of the runner that compute; see `runner.records.source_content`.
        files: SHA-256 of the model files that the recipe names, by key.
        plugins: SHA-256 of the plugins' source, by module.

    Returns:
        24 hex digits.
    """
    ingredients = {
        "recipe": recipe_hash,
        "seed": seed,
        "data": data_sha256,
        "computed_with": dict(computed_with),
        "source": dict(source),
        "files": dict(files),
        "plugins": dict(plugins),
    }
    canonical = json.dumps(ingredients, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def job_fingerprint(recipe: Recipe, settings: RunSettings, data_sha256: str, files: Mapping[str, str]) -> str:
    """Reads off a job, and what this process computes with, what `fingerprint` sums up.

    Args:
        recipe: The experiment.
        settings: Its seed and plugins count.
        data_sha256: Of the content of its data.
        files: SHA-256 of its model files; see `runner.models.content`.

    Raises:
        UserError: A plugin is not there.
    """
    return _read(recipe.hash, settings.seed, settings, data_sha256, files)


def group_fingerprint(
    recipe: Recipe, settings: RunSettings, data_sha256: str, files: Mapping[str, str]
) -> str:
    """Sums up all that decides about trained weights but the seed: runs that share it differ by chance alone.

    What a run exports and demands is no part of it.

    Args:
        recipe: The experiment.
        settings: Its plugins count.
        data_sha256: Of the content of its data.
        files: SHA-256 of its model files; see `runner.models.content`.

    Raises:
        UserError: A plugin is not there.
    """
    return _read(recipe.training_hash, 0, settings, data_sha256, files)


def _read(
    recipe_hash: str, seed: int, settings: RunSettings, data_sha256: str, files: Mapping[str, str]
) -> str:
    return fingerprint(
        recipe_hash=recipe_hash,
        seed=seed,
        data_sha256=data_sha256,
        computed_with=computed_with(),
        source=source_content(),
        files=files,
        plugins=plugin_content(settings.plugins),
    )


def environment(settings: RunSettings) -> dict[str, str]:
    """Names what a job is computed with: what may differ between two jobs beside their recipes.

    Args:
        settings: Its plugins count.

    Returns:
        Versions and device by name; under `source` and `plugin NAME` the first 12 digits of the SHA-256 of
        the runner's own code that computes, and of a plugin's.
    """
    source = {"source": source_sha256()[:12]}
    plugins = {f"plugin {name}": content[:12] for name, content in plugin_content(settings.plugins).items()}
    return computed_with() | source | plugins

"""What a result is computed from, by content, and the fingerprints that sum it up.

Two jobs of one fingerprint ask for the same computation, so a sweep that is resumed takes the result of the
one that has finished.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from runner.recipe.plugin_content import plugin_content
from runner.recipe.recipe import Recipe
from runner.records.provenance import computed_with
from runner.records.source_content import source_content, source_sha256
from runner.settings import RunSettings


@dataclass(frozen=True)
class Ingredients:
    """All that decides about a result beside its recipe and its seed.

    Args:
        data: SHA-256 of the content of its data.
        computed_with: Versions and device; see `runner.records.provenance.computed_with`.
        source: SHA-256 of the parts of the runner that compute; see `runner.records.source_content`.
        files: SHA-256 of the model files that the recipe names, by key; see `runner.models.content`.
        plugins: SHA-256 of the plugins' source, by module.
    """

    data: str
    computed_with: Mapping[str, str]
    source: Mapping[str, str]
    files: Mapping[str, str]
    plugins: Mapping[str, str]

    @classmethod
    def read(cls, settings: RunSettings, data_sha256: str, files: Mapping[str, str]) -> "Ingredients":
        """Reads what this process computes with.

        Args:
            settings: Its plugins count.
            data_sha256: Of the content of the data.
            files: SHA-256 of the model files.

        Raises:
            UserError: A plugin is not there.
        """
        return cls(data_sha256, computed_with(), source_content(), files, plugin_content(settings.plugins))

    def fingerprint(self, recipe_hash: str, seed: int) -> str:
        """Sums up a job in 24 hex digits."""
        canonical = json.dumps(
            {"recipe": recipe_hash, "seed": seed, **asdict(self)}, sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(canonical.encode()).hexdigest()[:24]

    def job_fingerprint(self, recipe: Recipe, seed: int) -> str:
        """Sums up a job: jobs that share it have the same result."""
        return self.fingerprint(recipe.hash, seed)

    def group_fingerprint(self, recipe: Recipe) -> str:
        """Sums up all that decides about trained weights but the seed: runs that share it differ by chance.

        What a run exports and demands is no part of it.
        """
        return self.fingerprint(recipe.training_hash, 0)

    @property
    def environment(self) -> dict[str, str]:
        """What may differ between two jobs beside recipe, seed, data and files, by name.

        Versions and device; under `source` and `plugin NAME` the first 12 digits of the SHA-256 of the
        runner's own code that computes, and of a plugin's.
        """
        plugins = {f"plugin {name}": content[:12] for name, content in self.plugins.items()}
        return {**self.computed_with, "source": source_sha256()[:12], **plugins}

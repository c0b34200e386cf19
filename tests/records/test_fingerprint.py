"""What makes two jobs the same job."""

import re
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from runner.cli.composition import load_plugins
from runner.recipe.recipe import Recipe
from runner.records.fingerprint import Ingredients
from runner.records.provenance import computed_with
from runner.settings import RunSettings

PARTS: dict[str, Any] = {
    "recipe_hash": "0123",
    "seed": 1,
    "data": "abc",
    "computed_with": {"runner": "1", "device": "CPU"},
    "source": {"pruning": "012"},
    "files": {"path": "def"},
    "plugins": {"mine": "789"},
}


def fingerprint(recipe_hash: str, seed: int, **parts: Any) -> str:
    return Ingredients(**parts).fingerprint(recipe_hash, seed)


def job_fingerprint(recipe: Recipe, settings: RunSettings, data: str, files: dict[str, str]) -> str:
    return Ingredients.read(settings, data, files).job_fingerprint(recipe, settings.seed)


def group_fingerprint(recipe: Recipe, settings: RunSettings, data: str, files: dict[str, str]) -> str:
    return Ingredients.read(settings, data, files).group_fingerprint(recipe)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("recipe_hash", "0124"),
        ("seed", 2),
        ("data", "abd"),
        ("computed_with", {"runner": "2", "device": "CPU"}),
        ("computed_with", {"runner": "1", "device": "NVIDIA A100"}),
        ("source", {"pruning": "013"}),
        ("files", {}),
        ("plugins", {"mine": "788"}),
    ],
)
def test_every_part_counts(part: str, other: object) -> None:
    assert fingerprint(**PARTS) == fingerprint(**PARTS)
    assert fingerprint(**{**PARTS, part: other}) != fingerprint(**PARTS)


def test_is_short_and_the_same_in_every_process() -> None:
    assert fingerprint(**PARTS) == "f3793ce46e0e0c000cc88b02"


RECIPE = Recipe.from_mapping(
    {
        "model": {"name": "two_conv"},
        "training": {"epochs": 1, "batch_size": 8},
        "layers": {"all": {"targets": "*", "m_by_n": "2x4"}},
    },
    name="own",
    source="recipes/own.yaml",
)


def test_the_content_of_files_and_plugins_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = tmp_path / "fingerprinted_plugin.py"
    plugin.write_text("a = 1\n")
    settings = RunSettings(plugins=("fingerprinted_plugin",))

    first = job_fingerprint(RECIPE, settings, "abc", {})
    assert job_fingerprint(RECIPE, settings, "abc", {}) == first
    second = job_fingerprint(RECIPE, settings, "abc", {"weights": "def"})
    plugin.write_text("a = 2\n")
    third = job_fingerprint(RECIPE, settings, "abc", {})
    assert len({first, second, third}) == 3


def test_a_plugin_that_was_edited_since_it_was_imported_counts_as_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    plugin = tmp_path / "edited_plugin.py"
    plugin.write_text("a = 1\n")
    settings = RunSettings(plugins=("edited_plugin",))
    load_plugins(settings.plugins)
    imported = job_fingerprint(RECIPE, settings, "abc", {})

    plugin.write_text("a = 2\n")
    load_plugins(settings.plugins)  # As before the next job of a sweep.
    assert job_fingerprint(RECIPE, settings, "abc", {}) == imported

    del sys.modules["edited_plugin"]
    load_plugins(settings.plugins)
    assert sys.modules.pop("edited_plugin").a == 2
    assert job_fingerprint(RECIPE, settings, "abc", {}) != imported


@pytest.mark.parametrize(
    ("function", "otherwise"),
    [
        ("runner.records.provenance.device", lambda: "NVIDIA A100"),
        ("runner.records.provenance.platform.python_version", lambda: "3.9.1"),
        ("runner.records.fingerprint.source_content", lambda: {"pruning": "edited"}),
    ],
)
def test_the_device_python_and_the_runners_own_source_count(
    monkeypatch: pytest.MonkeyPatch, function: str, otherwise: object
) -> None:
    before = job_fingerprint(RECIPE, RunSettings(), "abc", {})
    monkeypatch.setattr(function, otherwise)
    assert job_fingerprint(RECIPE, RunSettings(), "abc", {}) != before


def test_the_number_of_threads_does_not_count() -> None:
    one, two = (job_fingerprint(RECIPE, RunSettings(threads=threads), "abc", {}) for threads in (1, 2))
    assert one == two


def test_where_things_are_kept_does_not_count(tmp_path: Path) -> None:
    one = job_fingerprint(RECIPE, RunSettings(outputs=tmp_path, argv=("runner",)), "abc", {})
    other = job_fingerprint(
        replace(RECIPE, name="else", description="?"),
        RunSettings(outputs=tmp_path / "x", resume=True),
        "abc",
        {},
    )
    assert one == other
    assert job_fingerprint(RECIPE, RunSettings(seed=1), "abc", {}) != one


def test_of_a_group_all_is_equal_but_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "grouped_plugin.py").write_text("a = 1\n")
    own = group_fingerprint(RECIPE, RunSettings(seed=1), "abc", {})
    assert group_fingerprint(RECIPE, RunSettings(seed=2), "abc", {}) == own
    longer = replace(RECIPE, training=replace(RECIPE.training, epochs=2))
    others = [
        group_fingerprint(longer, RunSettings(seed=1), "abc", {}),
        group_fingerprint(RECIPE, RunSettings(seed=1), "abd", {}),
        group_fingerprint(RECIPE, RunSettings(seed=1), "abc", {"path": "def"}),
        group_fingerprint(RECIPE, RunSettings(seed=1, plugins=("grouped_plugin",)), "abc", {}),
    ]
    assert len({own, *others}) == 5


def test_what_is_exported_and_demanded_splits_no_group() -> None:
    plain = RECIPE.to_mapping()
    plain["export"]["variants"] = ["int8"]
    plain["budget"] = {"variant": "int8", "max_bytes": 10}
    other = Recipe.from_mapping(plain, name="x", source="x", where=str)
    assert other.hash != RECIPE.hash
    assert group_fingerprint(other, RunSettings(), "abc", {}) == group_fingerprint(
        RECIPE, RunSettings(), "abc", {}
    )


def test_the_environment_names_versions_source_and_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "named_plugin.py").write_text("a = 1\n")
    found = Ingredients.read(RunSettings(plugins=("named_plugin",)), "abc", {}).environment
    assert {name: found[name] for name in computed_with()} == computed_with()
    for name in ("plugin named_plugin", "source"):
        assert re.fullmatch("[0-9a-f]{12}", found[name])


def test_all_that_a_fingerprint_sums_up_has_its_place_where_groups_are_told_apart() -> None:
    # Recipe, seed, data and files are tags of their own. What joins them must be in `environment`, or in a
    # tag that comparisons read: else groups would differ in something that nobody can name.
    of_environment = {"computed_with", "source", "plugins"}
    of_tags = {"data", "files"}  # Recipe and seed are tags, too.
    assert {part.name for part in fields(Ingredients)} == of_environment | of_tags

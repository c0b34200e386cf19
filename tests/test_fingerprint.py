"""What makes two jobs the same job."""

import inspect
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import UserError
from runner.fingerprint import environment, fingerprint, group_fingerprint, job_fingerprint
from runner.provenance import COMPUTING, versions
from runner.recipe.schema import Model, Recipe
from runner.settings import RunSettings

PARTS: dict[str, Any] = {
    "recipe_hash": "0123",
    "seed": 1,
    "data_sha256": "abc",
    "versions": {"runner": "1", "tensorflow": "2.21"},
    "files": {"path": "def"},
    "plugins": {"mine": "789"},
}


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("recipe_hash", "0124"),
        ("seed", 2),
        ("data_sha256", "abd"),
        ("versions", {"runner": "2", "tensorflow": "2.21"}),
        ("files", {}),
        ("plugins", {"mine": "788"}),
    ],
)
def test_every_part_counts(part: str, other: object) -> None:
    assert fingerprint(**PARTS) == fingerprint(**PARTS)
    assert fingerprint(**{**PARTS, part: other}) != fingerprint(**PARTS)


def test_is_short_and_the_same_in_every_process() -> None:
    assert fingerprint(**PARTS) == "df91475522aa1c05e10c043d"


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
    weights, plugin = tmp_path / "w.h5", tmp_path / "fingerprinted_plugin.py"
    weights.write_bytes(b"one")
    plugin.write_text("a = 1\n")
    recipe = replace(RECIPE, model=Model(name="two_conv", weights=str(weights)))
    settings = RunSettings(plugins=("fingerprinted_plugin",))

    first = job_fingerprint(recipe, settings, "abc")
    assert job_fingerprint(recipe, settings, "abc") == first
    weights.write_bytes(b"two")
    second = job_fingerprint(recipe, settings, "abc")
    plugin.write_text("a = 2\n")
    third = job_fingerprint(recipe, settings, "abc")
    assert len({first, second, third}) == 3


def test_where_things_are_kept_does_not_count(tmp_path: Path) -> None:
    one = job_fingerprint(RECIPE, RunSettings(outputs=tmp_path, argv=("runner",)), "abc")
    other = job_fingerprint(
        replace(RECIPE, name="else", description="?"), RunSettings(outputs=tmp_path / "x", resume=True), "abc"
    )
    assert one == other
    assert job_fingerprint(RECIPE, RunSettings(seed=1), "abc") != one


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    recipe = replace(RECIPE, model=Model(name="two_conv", weights=str(tmp_path / "gone.h5")))
    with pytest.raises(UserError, match=r"recipe\.model\.weights: .*gone\.h5: cannot be read"):
        job_fingerprint(recipe, RunSettings(), "abc")


def test_of_a_group_all_is_equal_but_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "grouped_plugin.py").write_text("a = 1\n")
    own = group_fingerprint(RECIPE, RunSettings(seed=1), "abc")
    assert group_fingerprint(RECIPE, RunSettings(seed=2), "abc") == own
    longer = replace(RECIPE, training=replace(RECIPE.training, epochs=2))
    others = [
        group_fingerprint(longer, RunSettings(seed=1), "abc"),
        group_fingerprint(RECIPE, RunSettings(seed=1), "abd"),
        group_fingerprint(RECIPE, RunSettings(seed=1, plugins=("grouped_plugin",)), "abc"),
    ]
    assert len({own, *others}) == 4


def test_the_environment_names_versions_and_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    plugin = tmp_path / "named_plugin.py"
    plugin.write_text("a = 1\n")
    found = environment(RunSettings(plugins=("named_plugin",)))
    known = versions()
    assert found == {
        **{name: known[name] for name in COMPUTING},
        "plugin named_plugin": found["plugin named_plugin"],
    }
    assert re.fullmatch("[0-9a-f]{12}", found["plugin named_plugin"])


def test_all_that_a_fingerprint_sums_up_has_its_place_where_groups_are_told_apart() -> None:
    # Recipe, seed, data and files are tags of their own. What joins them must be in `environment`, or in a
    # tag that comparisons read: else groups would differ in something that nobody can name.
    of_environment = {"versions", "plugins"}
    of_tags = {"recipe_hash", "seed", "data_sha256", "files"}
    assert set(inspect.signature(fingerprint).parameters) == of_environment | of_tags
